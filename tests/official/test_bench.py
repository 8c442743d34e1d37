"""`ditto bench` of official files: those that are there, one by one, and a render where all are."""

import json
import shutil

import pytest

from stream_pipeline.commands import main

QUICK = ["--repeats", "1", "--seconds", "0.2"]
STAGES = {"wav2feat", "audio2motion", "warp", "decode", "putback", "end_to_end"}


@pytest.fixture
def measured(tmp_path):
    """measured(*options): the rows by what they are of, milliseconds."""

    def run(*options):
        path = tmp_path / "rows.json"
        assert main(["bench", *QUICK, "--json", str(path), *options]) == 0
        return {row["what"]: row["ms_p50"] for row in json.loads(path.read_text())["rows"]}

    return run


def test_official_networks_are_measured_one_by_one_and_in_a_render(measured, checkpoints, capsys):
    root, cfg = checkpoints.of("onnx")
    rows = measured("--data_root", str(root), "--cfg_pkl", str(cfg), "--device", "cpu", "--steps", "1")
    assert set(rows) >= STAGES | {"hubert", "decoder", "appearance_extractor", "insightface_det"}
    assert all(row >= 0 for row in rows.values())


def test_official_files_that_are_not_there_are_named_and_the_others_measured(
    measured, checkpoints, tmp_path, capsys
):
    root, _ = checkpoints.of("onnx")
    (tmp_path / "some").mkdir()
    shutil.copy(root / "landmark203.onnx", tmp_path / "some")
    config = tmp_path / "some.yaml"
    config.write_text("pack: {name: ditto, files: {landmark203: landmark203.onnx, decoder: decoder.onnx}}")
    rows = measured("--config", str(config), "--data_root", str(tmp_path / "some"))
    assert set(rows) == {"landmark203"}
    assert "no render: there is no file for decoder" in capsys.readouterr().out
