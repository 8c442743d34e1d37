"""The locks hold what pyproject.toml asks for, and this environment holds what its lock says."""

import os
import re
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

try:
    import tomllib
except ImportError:  # Python 3.10
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
MACHINES = (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64"))
WITH_PYTHON = {"pip"}  # comes with Python, not from the lock
NAMED_BY_PYTORCH = re.compile(r"nvidia-|cuda-toolkit|triton")  # by its CUDA build, with their versions


def lock_file(python):
    return ROOT / "locks" / f"py{python.replace('.', '')}.txt"


def pins(text):
    """Name to version of the lines of a lock that hold in this environment."""
    lines = [Requirement(line) for line in text.splitlines() if line and not line.startswith("#")]
    return {
        canonicalize_name(line.name): str(line.specifier).removeprefix("==")
        for line in lines
        if line.marker is None or line.marker.evaluate()
    }


def differences(installed, locked):
    """What is installed otherwise than locked; a build of a version, such as 2.13.0+cpu, is that version."""
    for name, version in sorted(installed.items()):
        wanted = locked.get(name)
        if name in WITH_PYTHON or (wanted is None and NAMED_BY_PYTORCH.match(name)):
            continue
        if wanted is None:
            yield f"{name} {version} is installed, but not locked"
        elif Version(version).public != wanted:
            yield f"{name} {version} is installed, but {wanted} is locked"


def requirements(python):
    """What the project asks for on one Python, on any platform, to run, to test and to be built."""
    texts = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]
    for extra in PROJECT["project"]["optional-dependencies"].values():
        texts += extra
    for requirement in map(Requirement, texts):
        environments = (
            default_environment()
            | {"python_version": python, "python_full_version": f"{python}.9"}
            | {"sys_platform": system, "platform_machine": machine, "extra": ""}
            for system, machine in MACHINES
        )
        if requirement.marker is None or any(map(requirement.marker.evaluate, environments)):
            yield requirement


def test_another_version_and_what_is_not_locked_are_told():
    installed = {
        "numpy": "2.5.5",
        "zipp": "4.1",
        "torch": "2.13.0+cpu",
        "pip": "23.2",
        "nvidia-nccl-cu13": "2.29",
    }
    locked = pins("# made\nnumpy==2.4.6\ntorch==2.13.0\ncolorama==0.4.6 ; sys_platform == 'nowhere'\n")
    assert list(differences(installed, locked)) == [
        "numpy 2.5.5 is installed, but 2.4.6 is locked",
        "zipp 4.1 is installed, but not locked",
    ]


def test_what_is_installed_here_is_what_the_lock_says():
    if os.environ.get("DITTO_NEWEST"):
        pytest.skip("this environment holds the newest versions on purpose")
    if not Path(sys.prefix).is_relative_to(ROOT):
        pytest.skip("this environment is not the project's own")
    if HERE not in PYTHONS:
        pytest.skip(f"there is no lock for Python {HERE}")
    installed = {canonicalize_name(d.name): d.version for d in metadata.distributions()}
    del installed["ditto-engine"]
    found = list(differences(installed, pins(lock_file(HERE).read_text(encoding="utf-8"))))
    mend = f"rm -rf {Path(sys.prefix).name} && make env (after 'make locks', if pyproject.toml has changed)"
    assert not found, "\n".join([*found, f"Mend: {mend}"])


@pytest.mark.parametrize("python", PYTHONS)
def test_every_lock_holds_what_the_project_asks_for(python):
    locked = {}
    for line in lock_file(python).read_text(encoding="utf-8").splitlines()[1:]:
        requirement = Requirement(line)
        locked[canonicalize_name(requirement.name)] = str(requirement.specifier).removeprefix("==")
    for requirement in requirements(python):
        version = locked.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} is not locked for Python {python}; run 'make locks'"
        assert requirement.specifier.contains(version), (
            f"{requirement}, but {version} is locked: 'make locks'"
        )


def test_no_extra_asks_for_a_second_onnx_runtime():
    extras = PROJECT["project"]["optional-dependencies"].values()
    asked = [Requirement(text).name for extra in extras for text in extra]
    assert not [name for name in asked if name.startswith("onnxruntime")]


@pytest.mark.parametrize("python", PYTHONS)
def test_no_lock_brings_the_cuda_libraries_of_pytorch(python):
    text = lock_file(python).read_text(encoding="utf-8")
    assert "\ntorch==2." in text
    assert not re.search(rf"(?m)^({NAMED_BY_PYTORCH.pattern})", text)
