"""`ditto convert`: a folder of graphs becomes engines, and what still fits is not built twice."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from cfg.install_hints import installing  # noqa: E402
from ditto.packs.official.tensorrt_engines import precision_of  # noqa: E402
from stream_pipeline.commands import main  # noqa: E402


def network(path, scale=1.0, shape=("batch", 3)):
    """One matrix product."""
    weight = numpy_helper.from_array(scale * np.eye(3, dtype=np.float32), "w")
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy")
    node = helper.make_node("MatMul", ["x", "w"], ["y"], "product")
    graph = helper.make_graph([node], "g", [x], [y], [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), path)


@pytest.fixture
def folders(tmp_path, monkeypatch, building):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", building("tensorrt_rtx", "1.7.1.116"))
    source, to = tmp_path / "onnx", tmp_path / "trt"
    source.mkdir()
    for name in ("decoder", "lmdm_v0.4_hubert", "motion_extractor"):
        network(source / f"{name}.onnx")
    return source, to


def convert(folders, *more):
    source, to = folders
    return main(["convert", "--onnx_dir", str(source), "--trt_dir", str(to), *more])


def refusal(folders, capsys, *more):
    assert convert(folders, *more) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


@pytest.mark.parametrize(
    "name", ["decoder_fp16.engine", ".decoder_fp16.engine.part", "decoder_fp16.engine.json"]
)
def test_no_graph_is_written_over(folders, capsys, name):
    source, to = folders
    to.mkdir()
    (to / name).hardlink_to(source / "decoder.onnx")
    before = (source / "decoder.onnx").read_bytes()
    assert f"{name}: is an input too" in refusal(folders, capsys, "--only", "decoder")
    assert (source / "decoder.onnx").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        ("lmdm_v0.4_hubert", "fp32"),
        ("lmdm_step", "fp32"),
        ("motion_extractor", "fp32"),
        ("hubert", "fp32"),
        ("decoder", "fp16"),
        ("warp_frame", "fp16"),
        ("insightface_det", "fp16"),
    ],
)
def test_motion_and_speech_stay_in_single_precision(name, precision):
    assert precision_of(name) == precision


def test_engines_have_the_names_that_the_pack_expects(folders):
    assert convert(folders) == 0
    names = {path.name for path in folders[1].glob("*.engine")}
    assert names == {"decoder_fp16.engine", "lmdm_v0.4_hubert_fp32.engine", "motion_extractor_fp32.engine"}
    assert json.loads((folders[1] / "decoder_fp16.engine.json").read_text())["precision"] == "fp16"


def test_what_is_there_and_fits_is_kept_and_what_changed_is_built_again(folders, capsys):
    convert(folders)
    capsys.readouterr()
    network(folders[0] / "decoder.onnx", scale=2.0)
    (folders[1] / "motion_extractor_fp32.engine").unlink()
    assert convert(folders) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines[:3]] == ["built", "kept", "built"]
    assert convert(folders, "--force") == 0
    assert capsys.readouterr().out.count("built") == 3


def test_an_interrupted_build_leaves_no_engine(folders, building, monkeypatch):
    library = sys.modules["tensorrt_rtx"]
    whole = library.Builder

    def interrupted(logger):
        builder = whole(logger)
        builder.build_serialized_network = lambda network, config: (_ for _ in ()).throw(KeyboardInterrupt)
        return builder

    monkeypatch.setattr(library, "Builder", interrupted)
    assert convert(folders) == 130
    assert list(folders[1].iterdir()) == []


def test_the_rewritten_graph_is_verified_without_a_gpu(folders, capsys):
    assert convert(folders, "--verify-graph", "--only", "decoder") == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.split() == ["graph", "y", "largest", "0.0e+00", "mean", "0.0e+00", "allowed", "5e-02:", "ok"]


def test_verifying_engines_without_a_gpu_is_refused_before_anything_is_built(folders, capsys):
    said = refusal(folders, capsys, "--verify")
    assert said.startswith("--verify runs the engines, which needs an NVIDIA GPU: ")
    assert not list(folders[1].glob("*.engine"))


def test_engines_are_built_for_the_gpu_that_is_there_and_verified_on_it(
    folders, capsys, monkeypatch, whole, gpu
):
    monkeypatch.setitem(sys.modules, "tensorrt", whole)
    network(folders[0] / "decoder.onnx", scale=2.0)  # as the pretended engine computes
    assert convert(folders, "--only", "decoder", "--verify", "--batch", "4") == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.split() == ["engine", "y", "largest", "0.0e+00", "mean", "0.0e+00", "allowed", "5e-02:", "ok"]
    stamp = json.loads((folders[1] / "decoder_fp16.engine.json").read_text())
    assert (stamp["gpu"], stamp["capability"], stamp["driver"]) == ("Imaginary GPU", "9.0", "12.4")
    assert (folders[1] / "timings-tensorrt-10.3.0-9.0.bin").exists()
    assert gpu.held == {}


def test_an_engine_that_computes_something_else_fails_the_run(folders, capsys, monkeypatch, whole):
    monkeypatch.setitem(sys.modules, "tensorrt", whole)
    network(folders[0] / "decoder.onnx", scale=1.0)
    assert convert(folders, "--only", "decoder", "--verify") == 1
    said = capsys.readouterr()
    assert "TOO FAR" in said.out and "---- Histogram ----" in said.out
    assert said.err.startswith("decoder: further from the ONNX file than allowed")


def test_another_driver_means_another_engine(folders, capsys, monkeypatch, whole, gpu):
    monkeypatch.setitem(sys.modules, "tensorrt", whole)
    convert(folders, "--only", "decoder")
    monkeypatch.setattr(gpu, "cudaDriverGetVersion", lambda: (0, 13000))
    capsys.readouterr()
    assert convert(folders, "--only", "decoder") == 0
    assert "built" in capsys.readouterr().out


def test_engines_for_newer_gpus_need_one_of_ampere_to_be_built_on(folders, capsys, monkeypatch, whole, gpu):
    monkeypatch.setitem(sys.modules, "tensorrt", whole)
    old = lambda index: (0, SimpleNamespace(name=b"RTX 2080", major=7, minor=5))  # noqa: E731
    monkeypatch.setattr(gpu, "cudaGetDeviceProperties", old)
    said = refusal(folders, capsys, "--newer-gpus")
    assert said == "--newer-gpus works from compute capability 8.0 on; RTX 2080 has 7.5\n"


def test_without_any_tensorrt_it_says_what_to_install(folders, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    assert refusal(folders, capsys) == f"converting needs TensorRT: {installing('trt')}\n"
    said = refusal(folders, capsys, "--library", "tensorrt_rtx")
    assert said == f"converting needs TensorRT: {installing('trt-rtx')}\n"


def test_the_full_tensorrt_needs_a_gpu_to_build_for(folders, capsys, monkeypatch, building):
    monkeypatch.setitem(sys.modules, "tensorrt", building("tensorrt", "10.3.0"))
    monkeypatch.setitem(sys.modules, "cuda", None)
    assert "needs CUDA's Python bindings: pip install cuda-bindings" in refusal(folders, capsys)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "decodr"], "did you mean 'decoder'?"),
        (["--precision", "decoder=int8"], "--precision decoder=int8: fp16 or fp32"),
        (["--precision", "decodr=fp16"], "nothing of that name is converted; did you mean 'decoder'?"),
        (["--range", "steps=3,2,1"], "should be like steps=1,50,100, in rising order"),
        (["--batch", "0"], "--batch is 0, but must be from 1 to 64"),
        (["--device", "cpu"], "engines are built for a GPU"),
    ],
)
def test_options_that_cannot_be_met_are_refused(folders, capsys, words, said):
    assert said in refusal(folders, capsys, *words)


def test_an_axis_nobody_knows_is_asked_for(folders, capsys):
    network(folders[0] / "other.onnx", shape=(1, "clouds", 3))
    assert "open axis 'clouds'; say its sizes, e.g. --range clouds=1,1,4" in refusal(folders, capsys)
    assert convert(folders, "--range", "clouds=1,2,4") == 0


def test_an_open_first_axis_is_the_batch_whatever_its_name(folders):
    network(folders[0] / "landmark106.onnx", shape=("None", 3))
    assert convert(folders, "--verify-graph", "--only", "landmark106") == 0


def test_a_broken_graph_is_named(folders, capsys):
    (folders[0] / "decoder.onnx").write_bytes(b"no graph at all")
    assert "decoder.onnx is not a readable .onnx file" in refusal(folders, capsys)


def test_an_empty_folder_is_refused(folders, capsys, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "no .onnx file in it" in refusal((tmp_path / "empty", folders[1]), capsys)
    assert "no such folder" in refusal((tmp_path / "absent", folders[1]), capsys)
