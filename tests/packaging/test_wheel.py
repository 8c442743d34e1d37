"""The wheel holds what a render needs and nothing else, and renders without the repository."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from ditto.kernels import FOLDER, SUFFIX

ROOT = Path(__file__).parents[2]
INPUTS = (
    *("pyproject.toml", "README.md", "LICENSE", "hatch_build.py"),
    *("cfg", "checkpoints", "ditto", "ditto_server", "model_formats", "stream_pipeline"),
    "examples/drawn_woman.jpg",
)
EXTRAS = ("onnx", "scipy", "transformers", "huggingface_hub")  # not asked for by the wheel, so not there
RENDER = """
import json, sys
from stream_pipeline.commands import main
code = main(sys.argv[1:])
heavy = [m for m in ("torch", "tensorrt", "matplotlib") if m in sys.modules]
import ditto
print(json.dumps({"code": code, "heavy": heavy, "from": ditto.__file__}))
"""

pytestmark = pytest.mark.full


def checked(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy of the sources."""
    folder = tmp_path_factory.mktemp("build")
    source = folder / "source"
    source.mkdir()
    for name in INPUTS:
        whole = ROOT / name
        if whole.is_dir():
            shutil.copytree(whole, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (source / name).parent.mkdir(exist_ok=True)
            shutil.copy(whole, source / name)
    checked([sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, source])
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """An environment with the wheel in it, which sees the libraries of this one but not the repository."""
    folder = tmp_path_factory.mktemp("installed")
    checked([sys.executable, "-m", "venv", "--without-pip", folder / "env"])
    python = folder / "env" / "bin" / "python"
    (site,) = (folder / "env" / "lib").glob("python*/site-packages")
    checked(
        [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel],
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    libraries = folder / "libraries"
    libraries.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        ours = entry.name.endswith(".pth") or "editable" in entry.name or "ditto" in entry.name
        if not ours and entry.name not in EXTRAS:
            (libraries / entry.name).symlink_to(entry)
    (site / "libraries.pth").write_text(f"{libraries}\n")
    return folder / "env"


@pytest.fixture
def second_runtime(installed):
    """Another distribution of ONNX Runtime beside the first, as the files of an installation show it."""
    info = installed.parent / "libraries" / "onnxruntime_gpu-1.31.1.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("onnxruntime/__init__.py,,\nonnxruntime_gpu-1.31.1.dist-info/RECORD,,\n")
    yield
    shutil.rmtree(info)


@pytest.fixture
def away(tmp_path, installed):
    """away(program, *arguments): what the program prints, run in a folder of its own."""
    shutil.copy(ROOT / "examples" / "grace_hopper.jpg", tmp_path / "portrait.jpg")
    shutil.copy(ROOT / "examples" / "speech.flac", tmp_path / "speech.flac")
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}

    def make(program, *arguments):
        return checked([installed / "bin" / program, *arguments], cwd=tmp_path, env=clean)

    return make


def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_every_file_of_the_built_in_pack(wheel):
    listed = json.loads((ROOT / "checkpoints" / "mini" / "manifest.json").read_text())["sha256"]
    assert {f"checkpoints/mini/{name}" for name in listed} <= names(wheel)
    assert "checkpoints/mini/manifest.json" in names(wheel)


def test_the_wheel_holds_configurations_and_type_markers(wheel):
    assert {f"cfg/packs/{p.name}" for p in (ROOT / "cfg" / "packs").glob("*.yaml")} <= names(wheel)
    for package in ("cfg", "ditto", "ditto_server", "model_formats", "stream_pipeline"):
        assert f"{package}/py.typed" in names(wheel)


def test_the_wheel_holds_the_pages_of_the_server(wheel):
    pages = {path.name for path in (ROOT / "ditto_server" / "pages").iterdir()}
    assert {f"ditto_server/pages/{name}" for name in pages} <= names(wheel)


def test_the_wheel_holds_nothing_else(wheel):
    top = {name.split("/")[0] for name in names(wheel) if ".dist-info/" not in name}
    assert top == {"cfg", "checkpoints", "ditto", "ditto_server", "model_formats", "stream_pipeline"}
    assert not [name for name in names(wheel) if "test" in name.lower() or "__pycache__" in name]
    assert wheel.stat().st_size < 60_000_000


def test_the_wheel_is_for_this_platform_and_any_python_and_carries_the_compiled_kernels(wheel):
    assert wheel.name.split("-")[2:4] == ["py3", "none"] and "any" not in wheel.name
    kernels = {name for name in names(wheel) if name.startswith("ditto/kernels/")}
    assert {f"ditto/kernels/{path.name}" for path in FOLDER.glob(f"*{SUFFIX}")} <= kernels


def test_the_installed_wheel_and_the_clone_make_the_same_file_the_first_time_and_again(away, tmp_path):
    arguments = ("-i", "portrait.jpg", "-a", "speech.flac", "--end", "0.6")
    for name in ("first.mkv", "second.mkv"):
        away("ditto-engine", "render", *arguments, "-o", name)
    checked([sys.executable, ROOT / "inference.py", *arguments, "-o", "clone.mkv"], cwd=tmp_path)
    made = {(tmp_path / name).read_bytes() for name in ("first.mkv", "second.mkv", "clone.mkv")}
    assert len(made) == 1


def test_the_installed_doctor_finds_the_machine_in_order(away):
    said = away("python", "-m", "ditto", "doctor")
    assert "[ok] pack mini" in said
    assert "[!!]" not in said


def test_the_installed_command_renders_from_any_folder(away, tmp_path):
    arguments = ("render", "-i", "portrait.jpg", "-a", "speech.flac", "--end", "1", "-o", "out.mp4")
    assert "25 frames" in away("ditto-engine", *arguments)
    assert (tmp_path / "out.mp4").stat().st_size > 10_000


def test_the_installed_command_measures_the_machine_with_what_the_wheel_holds(away):
    assert "x real time" in away("ditto-engine", "bench", "--seconds", "0.2", "--repeats", "1")


def test_two_onnx_runtimes_over_each_other_are_refused_in_one_line(away, installed, second_runtime, tmp_path):
    arguments = ("render", "-i", "portrait.jpg", "-a", "speech.flac", "--end", "1", "-o", "out.mp4")
    for command, before in (("doctor", "[!!] ONNX Runtime: "), (arguments, "")):
        words = [command] if isinstance(command, str) else command
        done = subprocess.run(
            [installed / "bin" / "python", "-m", "ditto", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1
        (line,) = [line for line in (done.stdout + done.stderr).splitlines() if "both installed" in line]
        assert f"{before}onnxruntime " in line
        assert " and onnxruntime-gpu 1.31.1 are both installed" in line
        assert "pip uninstall -y onnxruntime onnxruntime-gpu" in line
    assert not (tmp_path / "out.mp4").exists()


def test_a_render_with_the_built_in_pack_imports_no_heavy_library(away, installed):
    arguments = ("render", "-i", "portrait.jpg", "-a", "speech.flac", "--end", "0.2", "-o", "out.mp4")
    said = json.loads(away("python", "-c", RENDER, *arguments).splitlines()[-1])
    assert said["code"] == 0
    assert said["heavy"] == []
    assert said["from"].startswith(str(installed))
