"""One ONNX Runtime is installed: two would have overwritten each other's files."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from model_formats.onnx_runtime_check import distributions

ROOT = Path(__file__).parents[2]
STAND_IN = ROOT / "locks" / "onnxruntime-gpu"


def install(folder, name, version, *files):
    """What pip leaves of a distribution."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in (f"{info.name}/METADATA", *files)))


def test_each_distribution_that_wrote_the_package_is_found(tmp_path):
    install(tmp_path, "onnxruntime", "1.31.1", "onnxruntime/__init__.py")
    install(tmp_path, "onnxruntime_gpu", "1.31.0", "onnxruntime/__init__.py")
    install(tmp_path, "onnxruntime_extensions", "0.14.0", "onnxruntime_extensions/__init__.py")
    assert list(distributions(tmp_path)) == [("onnxruntime", "1.31.1"), ("onnxruntime-gpu", "1.31.0")]


def test_the_stand_in_beside_the_gpu_build_is_no_second_one(tmp_path):
    install(tmp_path, "onnxruntime", "1.31.1")
    install(tmp_path, "onnxruntime_gpu", "1.31.1", "onnxruntime/__init__.py")
    assert list(distributions(tmp_path)) == [("onnxruntime-gpu", "1.31.1")]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="ONNX Runtime for CUDA needs Python 3.11")
def test_the_stand_in_answers_to_the_name_and_asks_for_the_gpu_build(tmp_path):
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--no-build-isolation"]
    quiet = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(
        [*command, "--target", tmp_path, STAND_IN], capture_output=True, text=True, env=quiet
    )
    assert done.returncode == 0, done.stderr
    (held,) = metadata.distributions(path=[str(tmp_path)])
    locked = (ROOT / "locks" / "py311.txt").read_text().splitlines()
    assert f"{held.name}=={held.version}" in locked
    assert held.requires == ["onnxruntime-gpu>=1.20"]
    assert not (tmp_path / "onnxruntime").exists()
