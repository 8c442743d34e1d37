"""Locks the version of everything an installation takes, one file a Python: `make locks`.

    python scripts/lock_versions.py [--upgrade]   # follow pyproject.toml; raise every version to the newest
    python scripts/lock_versions.py --check       # does each platform have wheels for the base installation?

A lock keeps the versions it has unless they no longer fit. It is universal: it holds on every platform, for
that one Python. It covers all extras and what builds the wheel, but not the CUDA libraries that PyTorch's
Linux build names one by one itself.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import tomllib

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / "locks"
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
PLATFORMS = (
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "aarch64-apple-darwin",  # from macOS 14
    "x86_64-pc-windows-msvc",
)
INPUTS = (ROOT / "pyproject.toml", LOCKS / "onnxruntime-gpu" / "pyproject.toml")
BUILD_HOOK = ("ziglang", "editables")  # what building may ask for beyond [build-system]
PYTORCHS_CUDA = (
    "cuda-toolkit",
    "nvidia-cudnn-cu13",
    "nvidia-cusparselt-cu13",
    "nvidia-nccl-cu13",
    "nvidia-nvshmem-cu13",
    "triton",
)
HEADER = "# Made by `make locks` for Python {python}; not edited by hand.\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--upgrade", action="store_true", help="take the newest version of everything")
    parser.add_argument("--check", action="store_true", help="only look for wheels for each platform")
    wanted = parser.parse_args()
    if wanted.check:
        return check()
    for python in PYTHONS:
        lock(python, wanted.upgrade)
    return 0


def lock_file(python: str) -> Path:
    return LOCKS / f"py{python.replace('.', '')}.txt"


def lock(python: str, upgrade: bool) -> None:
    """Writes the lock of one Python."""
    major, minor = python.split(".")
    only = f"python_full_version < '{major}.{int(minor) + 1}'"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "pyproject.toml").write_text(f'[tool.uv]\nenvironments = ["{only}"]\n')
        found = Path(folder) / "found.txt"
        excluded = Path(folder) / "excluded.txt"
        excluded.write_text("\n".join(PYTORCHS_CUDA))
        building = Path(folder) / "building.txt"
        building.write_text("\n".join(needed_to_build()))
        if lock_file(python).exists():
            found.write_text(lock_file(python).read_text(encoding="utf-8"))
        compile_requirements(
            *("--project", folder, "--universal", "--python-version", python, "--all-extras"),
            *("--constraints", LOCKS / "held.txt", "--excludes", excluded),
            *("--no-annotate", "--no-header", "--output-file", found, *(["--upgrade"] if upgrade else [])),
            *(*INPUTS, building),
        )
        # True wherever this file is used.
        pinned = found.read_text().replace(f" ; {only} and ", " ; ").replace(f" ; {only}\n", "\n")
    lock_file(python).write_text(HEADER.format(python=python) + pinned, encoding="utf-8")
    print(f"{lock_file(python).relative_to(ROOT)}: {len(pinned.splitlines())} versions")


def needed_to_build() -> list[str]:
    building: list[str] = tomllib.loads(INPUTS[0].read_text(encoding="utf-8"))["build-system"]["requires"]
    return [*building, *BUILD_HOOK]


def check() -> int:
    """Prints for each Python and platform whether the base installation is there as wheels, as locked."""
    missing = 0
    for python in PYTHONS:
        for platform in PLATFORMS:
            try:
                found = compile_requirements(
                    *("--python-version", python, "--python-platform", platform, "--only-binary", ":all:"),
                    *("--constraints", lock_file(python), "--no-annotate", "--no-header", INPUTS[0]),
                )
                print(f"Python {python}, {platform}: {len(found.splitlines())} wheels")
            except subprocess.CalledProcessError as error:
                missing += 1
                print(f"Python {python}, {platform}: {error.stderr.strip()}")
    return 1 if missing else 0


def compile_requirements(*arguments: str | Path) -> str:
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-python-downloads", *arguments]
    environment = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


if __name__ == "__main__":
    sys.exit(main())
