"""Runs another implementation in a process of its own: `python -m benchmarks.official.adapter DIR`.

DIR/ditto_bench_adapter.py defines functions named as what is measured (docs/benchmarks.md), which take
arrays by name. Requests and answers are lines of JSON; what the adapter prints goes to standard error.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

MODULE = "ditto_bench_adapter"


def main(folder: str) -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    sys.path.insert(0, folder)
    module = importlib.import_module(MODULE)
    held: dict[str, dict[str, Any]] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = answered(module, asked, held)
        except Exception as error:  # whatever another implementation raises is reported, not fatal
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers)


def answered(module: Any, asked: dict[str, Any], held: dict[str, dict[str, Any]]) -> dict[str, Any]:
    what = asked["what"]
    if asked["ask"] == "names":
        return {"names": [name for name in what if callable(getattr(module, name, None))]}
    if asked["ask"] == "load":
        if hasattr(module, "load"):
            module.load(Path(asked["weights"]), asked["threads"])
        return {}
    if asked["ask"] == "give":
        with np.load(asked["file"], allow_pickle=False) as archive:
            held[what] = {name: archive[name] for name in archive.files}
        return {}
    clock = time.process_time if asked["cpu"] else time.perf_counter
    function = getattr(module, what)
    began = clock()
    function(**held[what])
    return {"ms": 1000 * (clock() - began)}


if __name__ == "__main__":
    main(sys.argv[1])
