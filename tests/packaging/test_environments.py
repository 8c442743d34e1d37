"""The conda environments take Python and pip from conda, and everything else as it is locked."""

import re
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

try:
    import tomllib
except ImportError:  # Python 3.10
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]
NVIDIA = "--extra-index-url https://pypi.nvidia.com"
STAND_IN = "./locks/onnxruntime-gpu"
FILES = ("environment.yaml", "environment-gpu.yaml")


def parts(name):
    """What comes from conda, and the lines for pip."""
    dependencies = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))["dependencies"]
    (pip,) = (entry["pip"] for entry in dependencies if isinstance(entry, dict))
    return [entry for entry in dependencies if isinstance(entry, str)], pip


def extras(lines):
    (project,) = (line for line in lines if line.startswith("--editable "))
    return Requirement("ditto-engine" + project.removeprefix("--editable .")).extras


@pytest.mark.parametrize("name", FILES)
def test_conda_brings_python_and_pip_and_nothing_else(name):
    conda, _ = parts(name)
    assert [re.sub("=.*", "", entry) for entry in conda] == ["python", "pip"]


@pytest.mark.parametrize("name", FILES)
def test_pip_takes_the_versions_of_the_lock_of_that_python_and_names_none_itself(name):
    (python, _), lines = parts(name)
    lock = f"locks/py{python.removeprefix('python=').replace('.', '')}.txt"
    assert f"--constraint {lock}" in lines
    assert (ROOT / lock).is_file()
    assert not [line for line in lines if "==" in line]


@pytest.mark.parametrize("name", FILES)
def test_the_extras_are_those_of_the_project(name):
    _, lines = parts(name)
    assert extras(lines) <= EXTRAS.keys()


def test_the_one_for_processors_has_pytorch_from_its_own_index_and_nothing_for_a_gpu():
    _, lines = parts("environment.yaml")
    assert "--extra-index-url https://download.pytorch.org/whl/cpu" in lines
    assert NVIDIA not in lines
    assert extras(lines) == {"torch"}


def test_the_one_for_a_gpu_names_nvidias_index_and_has_one_onnx_runtime():
    _, lines = parts("environment-gpu.yaml")
    assert NVIDIA in lines
    assert STAND_IN in lines
    assert (ROOT / STAND_IN / "pyproject.toml").is_file()
    assert extras(lines) == {"gpu", "trt"}
