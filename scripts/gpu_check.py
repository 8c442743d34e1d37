"""Checks a GPU in at most eight minutes: numbers, ratios, frames a second, first frame.

python scripts/gpu_check.py --device cuda --json output/gpu_check.json

PyTorch comes first, then ONNX Runtime, then TensorRT where it is installed. Every part has a share of the
time, and what earlier parts left of theirs; what is not done by then is stopped, and said at the end.
`--device cpu` tries every part on the processor, with the smallest networks that will do.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cfg  # noqa: F401 - before the libraries: cfg/privacy.py

ROOT = Path(__file__).parents[1]
HEAVY = "denoiser_window,warp,decode"
OUTCOME = re.compile(r"^(tests/\S+) (PASSED|FAILED|ERROR|SKIPPED|XFAIL)")
SELECTED = re.compile(r"^collected (\d+) items?(?: / (\d+) deselected)?")


@dataclass(frozen=True)
class Part:
    """One thing that is looked at, by a command of its own."""

    name: str
    seconds: float  # its share
    command: Sequence[str]  # of Python; {rows} in it is where a bench writes its rows
    missing: Callable[[], str | None] = lambda: None  # why it cannot be done here


@dataclass
class Result:
    """What became of a part."""

    part: str
    state: str  # done, failed, stopped, left out
    seconds: float = 0.0
    why: str = ""
    passed: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)
    unreached: int = 0  # tests
    rows: list[dict[str, Any]] = field(default_factory=list)
    machine: dict[str, Any] = field(default_factory=dict)


def tests(device: str, *files: str, only: str = "") -> list[str]:
    """Those of tests/gpu, on that device; on the processor the quick ones alone."""
    chosen = "gpu" if device != "cpu" else "not gpu and not full"
    found = [f"tests/gpu/test_{name}.py" for name in files]
    return [
        "-m",
        "pytest",
        "-v",
        "--color=no",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
        "-m",
        chosen,
        "-k",
        only,
        *found,
    ]


def bench(device: str, *options: str) -> list[str]:
    return ["-m", "benchmarks.compare", "--device", device, "--json", "{rows}", *options]


def parts(device: str, engines: str | None) -> list[Part]:
    """In the order of what is worth most where time runs out."""
    if device == "cpu":
        tiny = ("--steps", "1", "--repeats", "1", "--precision", "fp32")
        stages = bench(device, "--only", "stitch", "--format", "torch", *tiny)
        streams = bench(device, "--only", "first_frame", "--format", "torch", *tiny)
        graphs = bench(device, "--only", "stitch", "--format", "onnx", *tiny)
        golden, others = "stitch and fp32", "not official"
    else:
        often = ("--repeats", "20", "--seconds", "3")
        forms = ("--format", "torch,graphs", "--precision", "fp32,fp16")
        stages = bench(device, "--only", f"{HEAVY},appearance,motion_extractor,stitch", *forms, *often)
        streams = bench(device, "--only", "stream,first_frame", *forms, "--repeats", "5", "--seconds", "6")
        graphs = bench(device, "--only", HEAVY, "--format", "onnx", *often)
        golden = others = ""
    rest = tests(
        device, "denoiser", "devices", "full_speed", "memory", "painting", "render", "graphs", only=others
    )
    built = tests(device, "engines")
    run = bench(device, "--only", HEAVY, "--format", "torch", "--precision", "fp16", "--repeats", "5")
    return [
        Part("golden numbers", 80, tests(device, "golden_models", only=golden)),
        Part("stages beside plain execution", 110, stages),
        Part("streams: frames a second, first frame", 90, streams),
        Part("everything else of tests/gpu", 80, rest),
        Part("ONNX Runtime: stages", 60, graphs, lambda: without_onnx(device)),
        Part("TensorRT: engines built and run", 30, built, lambda: without_tensorrt(device)),
        Part(
            "TensorRT: stages",
            30,
            [*run, "--engines", engines or ""],
            lambda: without_tensorrt(device) or (None if engines else "no --engines DIR was named"),
        ),
    ]


def without_gpu(device: str) -> str | None:
    """Why that device cannot be looked at."""
    if device == "cpu":
        return None
    try:
        import torch
    except ImportError:
        return "PyTorch is not installed"
    if torch.cuda.is_available():
        return None
    if torch.version.cuda is None:
        return f"PyTorch {torch.__version__} was built without CUDA"
    return f"PyTorch {torch.__version__} sees no CUDA GPU"


def without_onnx(device: str) -> str | None:
    import onnxruntime

    if device == "cpu" or "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        return None
    return (
        f"ONNX Runtime {onnxruntime.__version__} was not built for CUDA; "
        "docs/install.md, 'ONNX Runtime on a GPU', says how to get the one that is"
    )


def without_tensorrt(device: str) -> str | None:
    if device == "cpu":
        return "engines run on a GPU only"
    found = any(importlib.util.find_spec(name) for name in ("tensorrt", "tensorrt_rtx"))
    return None if found else "TensorRT is not installed: make gpu-env"


def look(part: Part, seconds: float, folder: Path) -> Result:
    """Runs one part, at most so long."""
    if why := part.missing():
        return Result(part.name, "left out", why=why)
    if seconds < 1:
        return Result(part.name, "stopped", why="no time was left to begin it")
    stem = re.sub(r"\W+", "_", part.name)
    log, rows = folder / f"{stem}.txt", folder / f"{stem}.json"
    rows.unlink(missing_ok=True)
    command = [sys.executable, *(word.replace("{rows}", str(rows)) for word in part.command)]
    began = time.monotonic()
    code = run(command, seconds, log)
    result = Result(part.name, "done", round(time.monotonic() - began, 1))
    said = log.read_text(errors="replace")
    count(result, said)
    if rows.exists():
        held = json.loads(rows.read_text())
        result.rows, result.machine = held["rows"], held["machine"]
    if code is None:
        result.state, result.why = "stopped", f"its time was over after {result.seconds:.0f} s"
    elif code != 0:
        result.state, result.why = "failed", f"exit code {code}; its words are in {log}"
    return result


def run(command: Sequence[str], seconds: float, log: Path) -> int | None:
    """The exit code; None if it was stopped, with everything that it had started."""
    with log.open("wb") as out:
        child = subprocess.Popen(
            command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            return child.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def count(result: Result, said: str) -> None:
    """Tests that ended, from pytest's own lines."""
    selected = 0
    for line in said.splitlines():
        if match := SELECTED.match(line):
            selected = int(match[1]) - int(match[2] or 0)
        elif match := OUTCOME.match(line):
            test, outcome = match.groups()
            result.passed += outcome == "PASSED"
            result.skipped += outcome in ("SKIPPED", "XFAIL")
            result.failed += [test] * (outcome in ("FAILED", "ERROR"))
    result.unreached = max(0, selected - result.passed - result.skipped - len(result.failed))


def looked(todo: Sequence[Part], seconds: float, folder: Path) -> Iterator[Result]:
    """Part after part; each has its share of the seconds, and what was left before it."""
    began = time.monotonic()
    whole = sum(part.seconds for part in todo)
    shares = 0.0
    for part in todo:
        shares += part.seconds
        yield look(part, seconds * shares / whole - (time.monotonic() - began), folder)


def table(results: Sequence[Result]) -> Iterator[str]:
    """What was found, and at the end what was not reached."""
    yield f"{'part':40} {'state':9} {'s':>6}  passed skipped failed unreached rows"
    for r in results:
        counts = f"{r.passed:6} {r.skipped:7} {len(r.failed):6} {r.unreached:9} {len(r.rows):4}"
        yield f"{r.part:40} {r.state:9} {r.seconds:6.1f}  {counts}"
    yield ""
    yield line("what", "format", "prec.", "p50 ms", "plain ms", "ratio", "fps", "live")
    for row in (row for r in results for row in r.rows):
        figures = (row.get(key) for key in ("ms_p50", "baseline_ms", "ratio", "fps", "live_streams"))
        shown = ("-" if figure is None else f"{figure:.2f}" for figure in figures)
        yield line(row["what"], row["format"], row["precision"], *shown)
    yield ""
    for r in results:
        yield from (f"FAILED {test}" for test in r.failed)
    missed = [r for r in results if r.state != "done" or r.unreached]
    yield "not reached:" if missed else "everything was reached"
    yield from (f"  {r.part}: {r.why or f'{r.unreached} tests'}" for r in missed)


def line(what: str, form: str, precision: str, *figures: str) -> str:
    return f"{what:20} {form:9} {precision:6}" + "".join(f" {figure:>9}" for figure in figures)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--device", default="cuda", help="cuda (default), cuda:1, or cpu to try the check itself"
    )
    parser.add_argument("--seconds", type=float, default=480, help="in all (default: 480)")
    parser.add_argument("--engines", metavar="DIR", help="of `ditto convert`, to be measured too")
    parser.add_argument("--json", default="output/gpu_check.json", metavar="FILE", help="all of it")
    parsed = parser.parse_args(arguments)
    if why := without_gpu(parsed.device):
        print(f"{why}; --device cpu tries the check itself on the processor", file=sys.stderr)
        return 1
    written = Path(parsed.json)
    folder = written.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    for result in looked(parts(parsed.device, parsed.engines), parsed.seconds, folder.resolve()):
        results.append(result)
        print(f"{result.part}: {result.state}, {result.seconds:.1f} s {result.why}", flush=True)
        held = {"device": parsed.device, "parts": [asdict(r) for r in results]}
        written.write_text(json.dumps(held, indent=1) + "\n")
    print("", *table(results), f"all of it: {written}, and beside it what was said", sep="\n")
    return int(any(r.state in ("failed", "stopped") or r.failed for r in results))


if __name__ == "__main__":
    sys.exit(main())
