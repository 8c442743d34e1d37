"""`ditto export`: a PyTorch pack becomes an ONNX pack, each graph beside what it was made from."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from cfg.reading import built_in  # noqa: E402
from ditto.packs.official.export import Exporter  # noqa: E402
from ditto.packs.official.graphs import GRAPHS  # noqa: E402
from ditto.packs.official.networks.checkpoint import NETWORKS  # noqa: E402
from model_formats import open_model  # noqa: E402
from model_formats.backend import sha256  # noqa: E402
from stream_pipeline.commands import main  # noqa: E402


@pytest.fixture
def root(tmp_path, seeded_pth):
    """A PyTorch pack of which only a little is there."""
    folder = tmp_path / "ditto_pytorch"
    (folder / "models").mkdir(parents=True)
    (folder / "aux_models").mkdir()
    shutil.copy(seeded_pth("stitch_network"), folder / "models" / "stitch_network.pth")
    (folder / "aux_models" / "det_10g.onnx").write_bytes(b"the detector")
    return folder


def export(root, to, *more):
    return main(["export", "--data_root", str(root), "--to", str(to), *more])


def test_nothing_that_is_read_is_written_over(root, tmp_path, capsys):
    detector = root / "aux_models" / "det_10g.onnx"
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "insightface_det.onnx").hardlink_to(detector)
    assert export(root, tmp_path / "onnx", "--only", "insightface_det") == 1
    assert "insightface_det.onnx: is an input too" in capsys.readouterr().err
    assert detector.read_bytes() == b"the detector"


def test_graphs_have_the_official_names_inputs_and_outputs():
    published = built_in("ditto_onnx")["pack"]["files"]
    for role, official in NETWORKS.items():
        graph = GRAPHS[published[role].removesuffix(".onnx")]
        assert (list(graph.inputs), list(graph.outputs)) == (list(official.inputs), list(official.outputs))


def test_the_names_written_are_those_the_onnx_pack_looks_for(tmp_path):
    named = {role: tmp_path / name for role, name in built_in("ditto_torch")["pack"]["files"].items()}
    written = {f"{name}.onnx" for name in Exporter(named, tmp_path).names()}
    assert written >= set(built_in("ditto_onnx")["pack"]["files"].values())


def test_a_pack_is_written_verified_and_recorded(root, tmp_path, capsys):
    to = tmp_path / "ditto_onnx"
    assert export(root, to, "--verify") == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"2 files in {to}"
    manifest = json.loads((to / "manifest.json").read_text())
    assert manifest["files"].keys() == {"stitch_network", "insightface_det"}
    for entry in manifest["files"].values():
        assert entry["sha256"] == sha256(to / entry["file"])
    verified = manifest["files"]["stitch_network"]["verified"]
    assert verified["largest_difference"] <= verified["tolerance"] == 1e-5
    assert manifest["files"]["stitch_network"]["from"]["sha256"] == sha256(
        root / "models" / "stitch_network.pth"
    )
    assert (to / "insightface_det.onnx").read_bytes() == b"the detector"


def test_an_exported_graph_takes_any_batch(root, tmp_path):
    export(root, tmp_path / "onnx", "--only", "stitch_network")
    opened = open_model(tmp_path / "onnx" / "stitch_network.onnx")
    assert opened.inputs == {"kp_source": (None, 21, 3), "kp_driving": (None, 21, 3)}
    rows = np.random.default_rng(0).standard_normal((3, 21, 3)).astype(np.float32)
    together = opened.run({"kp_source": rows, "kp_driving": rows[::-1]})["out"]
    alone = opened.run({"kp_source": rows[:1], "kp_driving": rows[2:]})["out"]
    np.testing.assert_allclose(together[:1], alone, rtol=0, atol=1e-5)


def test_a_second_run_keeps_the_records_of_the_first(root, tmp_path):
    to = tmp_path / "onnx"
    export(root, to, "--only", "stitch_network")
    export(root, to, "--only", "insightface_det")
    files = json.loads((to / "manifest.json").read_text())["files"]
    assert files.keys() == {"stitch_network", "insightface_det"}


def test_a_damaged_record_is_named(root, tmp_path, capsys):
    to = tmp_path / "onnx"
    to.mkdir()
    (to / "manifest.json").write_text("[]")
    assert "manifest.json is damaged" in refusal(root, to, capsys, "--only", "insightface_det")


def test_a_graph_that_is_too_far_from_pytorch_fails_the_run(root, tmp_path, capsys, monkeypatch):
    strict = {**GRAPHS, "stitch_network": replace(GRAPHS["stitch_network"], tolerance=0.0)}
    monkeypatch.setattr("ditto.packs.official.export.GRAPHS", strict)
    assert export(root, tmp_path / "onnx", "--verify", "--only", "stitch_network") == 1
    said = capsys.readouterr()
    assert "TOO FAR" in said.out
    assert "stitch_network: further from PyTorch than allowed; do not use these files" in said.err


def refusal(root, to, capsys, *more):
    assert export(root, to, *more) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


def test_what_cannot_be_written_is_refused(root, tmp_path, capsys):
    to = tmp_path / "onnx"
    assert "nothing of that name can be written" in refusal(root, to, capsys, "--only", "decoder")
    assert "did you mean 'stitch_network'?" in refusal(root, to, capsys, "--only", "stich_network")
    assert refusal(root, to, capsys, "--hubert", "/absent") == "--hubert /absent: no such folder\n"
    assert "docs/checkpoints.md says where to get them" in refusal(tmp_path / "absent", to, capsys)


def test_a_speech_encoder_of_transformers_is_written_with_the_official_names(root, tmp_path):
    transformers = pytest.importorskip("transformers")
    folder = tmp_path / "hubert"
    torch.manual_seed(0)
    small = transformers.HubertConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        conv_dim=(16,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
    )
    transformers.HubertModel(small).eval().save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text('{"do_normalize": true}')
    assert export(root, tmp_path / "onnx", "--hubert", str(folder), "--only", "hubert", "--verify") == 0
    opened = open_model(tmp_path / "onnx" / "hubert.onnx")
    assert opened.inputs == {"input_values": (1, None)}
    for samples, rows in ((6480, 20), (3240, 9), (12960, 40)):
        sound = np.random.default_rng(samples).standard_normal((1, samples)).astype(np.float32)
        assert opened.run({"input_values": sound})["encoding_out"].shape == (rows, 32)
