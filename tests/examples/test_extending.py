"""The examples of docs/extending/ run, and the pages show them as they are."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
from onnx import numpy_helper

from cfg.errors import ModelError
from ditto.media.video import VideoSource
from ditto.stages.messages import Picture
from model_formats import open_model
from stream_pipeline.commands import main

ROOT = Path(__file__).parents[2]
EXAMPLES, PAGES = ROOT / "examples", ROOT / "docs" / "extending"
CODE = re.compile(r"^```(?:python|toml)\n(.*?)^```", re.S | re.M)


@pytest.fixture(scope="session")
def installed(made_once):
    """A folder with the packages of the examples installed."""
    packages = [EXAMPLES / name for name in ("faces_command", "dense_backend")]
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target"]

    def install(folder):
        subprocess.run([sys.executable, "-m", "pip", "install", *options, folder, *packages], check=True)

    return made_once("extending", install)


@pytest.fixture
def site(installed, monkeypatch):
    monkeypatch.syspath_prepend(installed)


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.name)
def test_what_a_page_shows_is_what_its_example_says(page):
    shown = CODE.findall(page.read_text("utf-8"))
    sources = [path.read_text("utf-8") for path in EXAMPLES.rglob("*") if path.suffix in (".py", ".toml")]
    assert shown
    for piece in shown:
        assert any(piece in source for source in sources), piece


@pytest.fixture(scope="module")
def trail_stage():
    spec = importlib.util.spec_from_file_location("trail_stage", EXAMPLES / "trail_stage.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_stage_mixes_each_picture_with_those_before_until_it_is_interrupted(trail_stage):
    def mixed(*greys):
        pictures = [Picture(0, n, np.full((2, 2, 3), grey, np.uint8)) for n, grey in enumerate(greys)]
        return [int(out.image[0, 0, 0]) for picture in pictures for out in stage.process(picture)]

    stage = trail_stage.Trail()
    assert mixed(100, 0, 0) == [100, 60, 36]
    stage.interrupt(1)
    assert mixed(0) == [0]


def test_the_stage_runs_in_a_render(tmp_path):
    soundfile.write(tmp_path / "hum.wav", 0.2 * np.sin(np.arange(3200) * 0.1), 16_000)
    arguments = ("--sound", tmp_path / "hum.wav", "--output", tmp_path / "out.mp4")
    program = [sys.executable, EXAMPLES / "trail_stage.py", *arguments]
    subprocess.run(program, check=True, timeout=60, env={"PYTHONPATH": str(ROOT)})
    with VideoSource(tmp_path / "out.mp4") as video:
        assert video.count == 5


def test_a_command_of_another_package_runs(site, capsys):
    assert main(["faces", str(EXAMPLES / "grace_hopper.jpg")]) == 0
    assert re.fullmatch(r"--face 0: \d+ x \d+ pixels at \(\d+, \d+\)\n", capsys.readouterr().out)


def test_its_errors_are_one_line_as_ours_are(site, capsys, tmp_path):
    assert main(["faces", str(tmp_path / "none.jpg")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_help_lists_it_with_its_package_and_a_misspelt_name_suggests_it(site, capsys):
    with pytest.raises(SystemExit):
        main(["-h"])
    assert re.search(r"^ +faces +from the package ditto-faces-command$", capsys.readouterr().out, re.M)
    assert main(["fases"]) == 1
    assert "'fases' is not a command; did you mean 'faces'?" in capsys.readouterr().err


def test_another_command_is_not_imported_before_it_is_called(site, capsys):
    sys.modules.pop("faces_command", None)
    assert main(["config", "show"]) == 0
    with pytest.raises(SystemExit):
        main(["-h"])
    assert "faces_command" not in sys.modules
    main(["faces", "none.jpg"])
    assert "faces_command" in sys.modules


@pytest.fixture
def dense(tmp_path):
    """The same two dense layers as an archive and as an ONNX file."""
    rng = np.random.default_rng(0)
    shapes = {"weight_0": (6, 8), "bias_0": (8,), "weight_1": (8, 3), "bias_1": (3,)}
    arrays = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    np.savez(tmp_path / "dense.npz", **arrays)
    nodes = [
        onnx.helper.make_node("Gemm", ["x", "weight_0", "bias_0"], ["hidden"]),
        onnx.helper.make_node("Relu", ["hidden"], ["kept"]),
        onnx.helper.make_node("Gemm", ["kept", "weight_1", "bias_1"], ["y"]),
    ]
    sides = [onnx.helper.make_tensor_value_info(n, 1, ["n", w]) for n, w in (("x", 6), ("y", 3))]
    weights = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = onnx.helper.make_graph(nodes, "dense", sides[:1], sides[1:], weights)
    opset = onnx.helper.make_opsetid("", 17)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8), tmp_path / "dense.onnx")
    return tmp_path / "dense.npz"


def test_a_backend_of_another_package_gives_what_onnx_gives_within_1e_6(site, dense):
    x = np.random.default_rng(1).standard_normal((5, 6)).astype(np.float32)
    ours, theirs = open_model(dense.with_suffix(".onnx")), open_model(dense)
    assert theirs.inputs == ours.inputs == {"x": (None, 6)}
    assert theirs.outputs == ours.outputs == {"y": (None, 3)}
    np.testing.assert_allclose(theirs.run({"x": x})["y"], ours.run({"x": x})["y"], rtol=0, atol=1e-6)


def test_it_honours_a_device_and_a_precision_or_refuses_them(site, dense):
    with pytest.raises(ModelError, match="runs on 'cpu' alone, not on 'cuda'"):
        open_model(dense, device="cuda")
    with pytest.raises(ModelError, match="computes in fp32 alone, not in bf16"):
        open_model(dense, precision="bf16")


def test_a_file_that_is_no_such_network_is_refused(site, dense):
    np.savez(dense, something=np.zeros(3))
    with pytest.raises(ModelError, match=r"dense.npz is not an archive of dense layers"):
        open_model(dense)


def test_its_suffix_is_among_those_that_can_be_opened(site, dense):
    with pytest.raises(ModelError, match=r"notes.txt is not a model file; .*\.onnx.*, \.npz$"):
        open_model(dense.with_name("notes.txt"))
