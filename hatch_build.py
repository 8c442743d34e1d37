"""Compiles the kernels (ditto/kernels/*.c) when the package is installed or a wheel is built.

A C compiler of the machine is used where there is one that knows vectors; everywhere else the build takes
Zig's, which is a package like any other. `python hatch_build.py` compiles them in place.
"""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path(__file__).parent / "ditto" / "kernels"
SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
INTEL = platform.machine().lower() in ("x86_64", "amd64")
# nothing is fused or reordered: the same bits from every compiler, on every processor
FLAGS = ("-std=c11", "-O3", "-shared", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off", "-fno-math-errno",
         "-fno-trapping-math", "-Wall")  # fmt: skip
ZIG = "ziglang>=0.13"
PROBE = """
#include <math.h>
#include <stdlib.h>
typedef unsigned char bytes __attribute__((vector_size(16)));
typedef unsigned short words __attribute__((vector_size(32)));
words widened(bytes v) { return __builtin_convertvector(__builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6,
                                                        9, 8, 11, 10, 13, 12, 15, 14), words); }
"""


class KernelBuild(BuildHookInterface[Any]):
    """Puts the compiled kernels beside their sources and into the wheel, which is for one platform then."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return [] if own_compiler() else [ZIG]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        made = compiled(FOLDER)
        build_data["artifacts"] += [f"/{path.relative_to(self.root).as_posix()}" for path in made]
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"


def compiled(folder: Path, compiler: Sequence[str] | None = None) -> list[Path]:
    """The kernels as shared libraries in a folder, one for each level of the processor's instruction set."""
    compiler = compiler or own_compiler() or (sys.executable, "-m", "ziglang", "cc")
    zig = "ziglang" in compiler
    levels = {"baseline": "", "x86-64-v3": "x86_64_v3" if zig else "x86-64-v3"} if INTEL else {"baseline": ""}
    made = []
    for level, name in levels.items():
        target = folder / f"{level}{SUFFIX}"
        tune = [f"-mcpu={name}" if zig else f"-march={name}"] if name else ["-Wno-psabi"] if INTEL else []
        if zig and sys.platform == "linux":
            tune += ["-target", f"{'x86_64' if INTEL else platform.machine()}-linux-gnu.2.17"]
        run([*compiler, *FLAGS, *tune, *sorted(map(str, FOLDER.glob("*.c"))), "-o", str(target), "-lm"])
        made.append(target)
    return made


def own_compiler() -> tuple[str, ...] | None:
    """The machine's C compiler (CC, or cc), where it links libraries and knows vectors: GCC 12, Clang."""
    if sys.platform == "win32":
        return None
    command = tuple(shlex.split(os.environ.get("CC", "cc")))
    with tempfile.TemporaryDirectory() as work:
        source = Path(work) / "probe.c"
        source.write_text(PROBE)
        try:
            run([*command, "-shared", "-fPIC", "-Wno-psabi", str(source), "-o", f"{source}{SUFFIX}", "-lm"])
        except (OSError, subprocess.SubprocessError):
            return None
    return command


def run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        raise subprocess.SubprocessError(f"{' '.join(command)} failed:\n{done.stderr or done.stdout}")


if __name__ == "__main__":
    print(*compiled(FOLDER), sep="\n")
