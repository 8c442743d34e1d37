"""Networks of the official pack that stay on the processor."""

from types import SimpleNamespace

import pytest

from cfg.errors import ConfigError
from cfg.settings import PackSettings
from ditto.official.pack import OfficialPack


def test_a_role_that_the_pack_does_not_have_is_refused():
    settings = PackSettings(name="ditto", files={"hubert": "hubert.onnx"}, on_processor=("huber",))
    with pytest.raises(ConfigError, match=r"pack\.on_processor names 'huber'.*did you mean 'hubert'"):
        OfficialPack(settings)


def test_a_role_on_the_processor_is_opened_there_and_the_others_on_the_device(monkeypatch):
    opened = {}

    def opening(path, device, *more, **options):
        if path.stem == "landmark106":
            raise ConfigError("enough is seen")
        opened[path.stem] = device
        return SimpleNamespace(close=lambda: None)

    monkeypatch.setattr("ditto.official.pack.open_model", opening)
    roles = ("appearance_extractor", "motion_extractor", "warp_network", "decoder", "stitch_network")
    files = {role: f"{role}.onnx" for role in (*roles, "insightface_det", "landmark106")}
    settings = PackSettings(
        name="ditto", device="cuda", files=files, on_processor=("insightface_det", "decoder")
    )
    with pytest.raises(ConfigError, match="enough is seen"):
        OfficialPack(settings)
    assert {role for role, device in opened.items() if device == "cpu"} == {"insightface_det", "decoder"}
    assert opened["warp_network"] == "cuda"
