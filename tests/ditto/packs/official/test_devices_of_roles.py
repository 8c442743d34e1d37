"""Where the networks of the official pack run, and that all of them are closed with it."""

from types import SimpleNamespace

import pytest

from cfg.errors import ConfigError
from cfg.settings import PackSettings
from ditto.packs.official.pack import FACE_NETWORKS, MESH, PAINTING, OfficialPack
from model_formats.processor import lacks


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

    monkeypatch.setattr("ditto.packs.official.pack.open_model", opening)
    roles = ("appearance_extractor", "motion_extractor", "warp_network", "decoder", "stitch_network")
    files = {role: f"{role}.onnx" for role in (*roles, "insightface_det", "landmark106")}
    settings = PackSettings(
        name="ditto", device="cuda", files=files, on_processor=("insightface_det", "decoder")
    )
    with pytest.raises(ConfigError, match="enough is seen"):
        OfficialPack(settings)
    assert {role for role, device in opened.items() if device == "cpu"} == {"insightface_det", "decoder"}
    assert opened["warp_network"] == "cuda"


def test_on_a_gpu_what_is_painted_every_frame_stays_there_and_may_be_recorded(monkeypatch):
    opened = {}

    def opening(path, device, precision="stored", network=None, **options):
        if path.stem == "insightface_det":
            raise ConfigError("enough is seen")
        opened[path.stem] = (options["keep_on_device"], options["graphs"])
        return SimpleNamespace(close=lambda: None)

    monkeypatch.setattr("ditto.packs.official.pack.open_model", opening)
    roles = ("appearance_extractor", "motion_extractor", "warp_network", "decoder", "stitch_network")
    files = {role: f"{role}.pth" for role in roles} | {"insightface_det": "insightface_det.onnx"}
    settings = PackSettings(name="ditto", format="torch", device="cuda", files=files, graphs=True)
    with pytest.raises(ConfigError, match="enough is seen"):
        OfficialPack(settings)
    assert opened == {
        "appearance_extractor": (False, False),
        "motion_extractor": (False, False),
        "warp_network": (True, True),
        "decoder": (True, True),
        "stitch_network": (False, True),
    }


@pytest.mark.parametrize("precision", ["tf32", "fp16"])
def test_beside_a_gpu_what_stays_on_the_processor_runs_in_fp32_where_it_lacks_the_precision(
    precision, monkeypatch
):
    opened = {}

    def opening(path, device, precision="stored", network=None, **options):
        if path.stem == "insightface_det":
            raise ConfigError("enough is seen")
        opened[path.stem] = (device, precision)
        return SimpleNamespace(close=lambda: None)

    monkeypatch.setattr("ditto.packs.official.pack.open_model", opening)
    roles = ("appearance_extractor", "motion_extractor", "warp_network", "decoder", "stitch_network")
    files = {role: f"{role}.pth" for role in roles} | {"insightface_det": "insightface_det.onnx"}
    settings = PackSettings(
        name="ditto",
        format="torch",
        device="cuda",
        precision=precision,
        files=files,
        on_processor=("stitch_network",),
    )
    with pytest.raises(ConfigError, match="enough is seen"):
        OfficialPack(settings)
    emulated = precision == "tf32" or lacks(precision)
    assert opened.pop("stitch_network") == ("cpu", "fp32" if emulated else precision)
    assert set(opened.values()) == {("cuda", precision)}


@pytest.mark.parametrize("precision", ["fp32", "tf32", "fp16"])
def test_a_speech_encoder_beside_networks_in_tf32_does_not_switch_it_off(monkeypatch, tmp_path, precision):
    def encoder(folder, device, *, tf32):
        raise ConfigError(f"{folder.name} on {device}, tf32 {tf32}")

    monkeypatch.setattr(
        "ditto.packs.official.pack.open_model", lambda *more, **how: SimpleNamespace(close=lambda: None)
    )
    monkeypatch.setattr("ditto.packs.official.pack.TransformersEncoder", encoder)
    (tmp_path / "hubert").mkdir()
    files = {role: f"{role}.pth" for role in PAINTING} | {role: f"{role}.onnx" for role in FACE_NETWORKS}
    files["hubert"] = "hubert"
    settings = PackSettings(
        name="ditto", format="torch", device="cuda", precision=precision, root=str(tmp_path), files=files
    )
    with pytest.raises(ConfigError, match=f"hubert on cuda, tf32 {precision == 'tf32'}"):
        OfficialPack(settings)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"precision": "tf32", "format": "torch"}, "pack.precision is 'tf32', a rounding of GPUs"),
        ({"graphs": True, "format": "torch"}, "pack.graphs is set, but CUDA graphs"),
        ({"graphs": True, "device": "cuda"}, "pack.graphs is set, but CUDA graphs"),
    ],
)
def test_what_only_a_gpu_does_is_refused_elsewhere(how, words):
    with pytest.raises(ConfigError, match=words):
        PackSettings(name="ditto", **how)


def test_a_closed_pack_has_closed_the_denoiser_and_every_network(monkeypatch, tmp_path):
    closed = []

    def thing(name):
        return SimpleNamespace(inputs={"image": (1,)}, close=lambda: closed.append(name))

    monkeypatch.setattr("ditto.packs.official.pack.open_model", lambda path, *more, **how: thing(path.stem))
    monkeypatch.setattr(
        "ditto.packs.official.denoiser_weights.load_denoiser", lambda path, *more, **how: thing(path.stem)
    )
    roles = (*PAINTING, *FACE_NETWORKS, *MESH, "hubert")
    (tmp_path / "lmdm.pth").write_bytes(b"weights")
    files = {role: f"{role}.onnx" for role in roles} | {"lmdm": "lmdm.pth"}
    OfficialPack(PackSettings(name="ditto", format="torch", root=str(tmp_path), files=files)).close()
    assert sorted(closed) == sorted((*roles, "lmdm"))
