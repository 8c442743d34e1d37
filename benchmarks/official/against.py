"""Another implementation as the baseline, so that a ratio comes from one run on one machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.official.adapter import MODULE
from benchmarks.official.timing import Elsewhere
from cfg.errors import ConfigError, DittoError

ROOT = Path(__file__).parents[2]


def check_adapter(folder: Path) -> None:
    """Refuses a folder that no other implementation can be measured from."""
    if not (folder / f"{MODULE}.py").is_file():
        raise ConfigError(f"--against {folder}: no {MODULE}.py in it; docs/benchmarks.md shows one")


class Against:
    """The other implementation's process. Use it as a `with` block."""

    def __init__(self, folder: Path, scratch: Path, threads: int, cpu: bool) -> None:
        self._folder = folder
        self._scratch = scratch
        self._threads = threads
        self._cpu = cpu
        limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.official.adapter", str(folder.resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **limits, "PYTHONPATH": os.pathsep.join(paths)},
        )

    def __enter__(self) -> Against:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def names(self, known: Sequence[str]) -> list[str]:
        """Which of the known things it can do."""
        found: list[str] = self._ask("names", list(known))["names"]
        return found

    def load(self, weights: Path) -> None:
        self._ask("load", "", weights=str(weights.resolve()), threads=self._threads)

    def case(self, what: str, given: Mapping[str, Any]) -> Elsewhere:
        """A timed call of its function of that name with these arrays."""
        path = self._scratch / f"{what}.npz"
        arrays: dict[str, Any] = {name: np.asarray(value) for name, value in given.items()}
        np.savez(path, **arrays)
        self._ask("give", what, file=str(path))
        path.unlink()
        return Elsewhere(lambda: float(self._ask("run", what, cpu=self._cpu)["ms"]))

    def _ask(self, ask: str, what: Any, **more: Any) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"ask": ask, "what": what, **more}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise DittoError(f"{self._folder}: its process ended; what it said stands above")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise DittoError(f"{self._folder / MODULE}.py, {what or ask}: {answer['error']}")
        return answer
