"""The official networks beside a plain execution of the same: `python -m benchmarks.compare`.

docs/benchmarks.md says what is compared and what the columns mean.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnxruntime
import torch

from benchmarks.official.against import Against, check_adapter
from benchmarks.official.cases import Bench, given_to
from benchmarks.official.device import Device
from benchmarks.official.machine import Machine, measure_machine
from benchmarks.official.putback import SHARES, putback_case, summed_baseline
from benchmarks.official.timing import Row, measure
from benchmarks.official.weights import Networks
from benchmarks.official.whole import FRAMES, Whole
from cfg.errors import ConfigError, did_you_mean
from model_formats.processor import lacks
from stream_pipeline.commands import run_command
from stream_pipeline.options.paths import WrittenPath

NETWORKS = ("denoiser_window", "warp", "decode", "appearance", "motion_extractor", "stitch", "hubert")
PUTBACK = "putback_1080p"
WHOLE = "end_to_end_image"
WORTH = ("stream", "first_frame")
KNOWN = (*NETWORKS, PUTBACK, WHOLE, *WORTH)
STREAMED = 140  # frames of a stream on a GPU: two windows of motion
HEADS = (
    "what",
    "format",
    "prec.",
    "batch",
    "p50 ms",
    "p95 ms",
    "baseline",
    "at GF/s",
    "ratio",
    "bound",
    "MB",
)
WIDTHS = (24, 8, 7, 6, 11, 11, 11, 9, 8, 10, 9)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    give = parser.add_argument
    give("--only", default="", metavar="WHAT,WHAT", help=f"of {', '.join(KNOWN)}")
    give("--format", default="torch,onnx", help="torch, onnx (default: both) and, on a GPU, graphs")
    give("--precision", default="fp32", help="fp32, bf16, fp16, tf32; several separated by commas (torch)")
    give("--batch", default="1", help="frames in one call of a network; several separated by commas (torch)")
    give("--steps", type=int, default=50, help="denoising steps of a window (default 50)")
    give("--device", default="cpu", metavar="DEVICE", help="cpu (default), cuda or cuda:N")
    give("--engines", metavar="DIR", help="TensorRT engines, as `ditto convert` names them, as more rows")
    give("--threads", type=int, default=0, help="of one network call (default: one for each core)")
    give("--repeats", type=int, default=3, help="how often each way is timed (default 3)")
    give(
        "--seconds",
        type=float,
        default=20.0,
        help="after which a row is timed no more, but once at least (default 20)",
    )
    give("--data_root", "--data-root", metavar="DIR", help="official checkpoints (default: seeded weights)")
    give(
        "--against", metavar="DIR", help="another implementation as the baseline: DIR/ditto_bench_adapter.py"
    )
    give("--cpu-time", action="store_true", help="processor time, not the clock's: for a machine in use")
    give("--json", type=WrittenPath, metavar="FILE", help="write the rows there as well")


def compare(parsed: argparse.Namespace) -> int:
    threads = parsed.threads or os.cpu_count() or 1
    if parsed.repeats < 1 or parsed.steps < 1 or threads < 1:
        raise ConfigError("--repeats, --steps and --threads are counted from 1")
    if not parsed.seconds > 0:
        raise ConfigError(f"--seconds {parsed.seconds:g}: must be above 0")
    with tempfile.TemporaryDirectory() as folder:
        official(parsed, threads, Path(folder))
    return 0


def write(parsed: argparse.Namespace, machine: dict[str, Any], rows: list[Row]) -> None:
    """What has been measured so far, so that a run that is stopped keeps it."""
    if parsed.json:
        written = {"machine": machine, "rows": [row.as_json() for row in rows]}
        part = Path(f"{parsed.json}.part")
        part.write_text(json.dumps(written, indent=1) + "\n")
        part.replace(parsed.json)


def official(parsed: argparse.Namespace, threads: int, folder: Path) -> None:
    wanted = chosen("--only", parsed.only, KNOWN) or KNOWN
    formats = chosen("--format", parsed.format, ("torch", "onnx", "graphs"))
    precisions = chosen("--precision", parsed.precision, ("fp32", "bf16", "fp16", "tf32"))
    batches = numbers(parsed.batch)
    if parsed.against:
        check_adapter(Path(parsed.against))
    torch.set_num_threads(threads)
    root = Path(parsed.data_root) if parsed.data_root else None
    networks = Networks(root)
    device, engines = Device(parsed.device), engines_of(parsed)
    if device.is_gpu:
        formats = formats_on_gpu(formats)
    elif "graphs" in formats or "tf32" in precisions:
        raise ConfigError("graphs and tf32 are of a GPU; name it with --device cuda")
    elif reason := next(filter(None, map(lacks, precisions)), None):
        raise ConfigError(f"--precision {parsed.precision}: {reason}")
    machine = measure_machine(threads, clock_of(parsed), device)
    print(machine)
    print(f"measured: {machine.rates()}; {networks.origin}")
    suite = Bench(
        networks,
        folder,
        formats,
        precisions,
        batches,
        parsed.steps,
        threads,
        device,
        engines,
    )
    print(heading())
    rows: list[Row] = []
    write(parsed, machine.as_json(), rows)
    for row in measured(parsed, suite, wanted, folder):
        rows.append(row)
        print(line(row, machine), flush=True)
        write(parsed, machine.as_json(), rows)


def measured(
    parsed: argparse.Namespace, suite: Bench, wanted: tuple[str, ...], folder: Path
) -> Iterator[Row]:
    clock = clock_of(parsed)
    parts = {*wanted, *(SHARES if parsed.against and WHOLE in wanted else ())}
    with ExitStack() as stack:
        other: Against | None = None
        can: list[str] = []
        if parsed.against:
            other = stack.enter_context(Against(Path(parsed.against), folder, suite.threads, parsed.cpu_time))
            can = other.names(KNOWN)
            other.load(suite.networks.folder(folder))
        rows: list[Row] = []
        for what in (known for known in (*NETWORKS, PUTBACK) if known in parts):
            cases = iter([putback_case()]) if what == PUTBACK else suite.cases(what)
            note(f"{what} …")
            for case in cases:
                if other is not None:
                    theirs = other.case(what, given_to(what, suite.steps)) if what in can else None
                    case = replace(case, baseline=theirs, plain_gflop=0.0)
                suite.device.forget_peak()
                rows.append(measure(case, parsed.repeats, clock, parsed.seconds, suite.device.peak_mb))
                del case
                yield rows[-1]
        if {WHOLE, *WORTH} & {*wanted}:
            summed = summed_baseline(rows) if other else None
            # On the processor the whole is measured in fp32 alone: a frame takes seconds.
            for precision in suite.precisions if suite.device.is_gpu else ("fp32",):
                for form in (form for form in ("torch", "graphs") if form in suite.formats):
                    yield from whole_rows(parsed, suite, folder, wanted, form, precision, summed)


def whole_rows(
    parsed: argparse.Namespace,
    suite: Bench,
    folder: Path,
    wanted: tuple[str, ...],
    form: str,
    precision: str,
    theirs: float | None,
) -> Iterator[Row]:
    """All nine stages, timed; with --against beside the sum of the other's parts, where it has all."""
    frames = STREAMED if suite.device.is_gpu else FRAMES
    whole = Whole(
        suite.networks,
        folder,
        suite.steps,
        suite.threads,
        suite.device.name,
        precision,
        graphs=form == "graphs",
    )
    try:
        streams = whole.streams(frames)
        makers = {
            WHOLE: whole.case,
            "stream": lambda: streams.stream(frames),
            "first_frame": streams.first_frame,
        }
        for what in (name for name in makers if name in wanted):
            note(f"{what} …")
            case = makers[what]()
            if parsed.against:
                case = replace(case, baseline=None)
            suite.device.forget_peak()
            row = measure(case, parsed.repeats, clock_of(parsed), parsed.seconds, suite.device.peak_mb)
            yield row if theirs is None or what != WHOLE else replace(row, baseline_times=[theirs])
    finally:
        whole.close()


def engines_of(parsed: argparse.Namespace) -> Path | None:
    """The folder of --engines, where one is named."""
    if parsed.engines is None:
        return None
    folder = Path(parsed.engines)
    if not list(folder.glob("*.engine")):
        raise ConfigError(f"--engines {folder}: no .engine file in it; `python -m ditto convert` makes them")
    if parsed.device == "cpu":
        raise ConfigError(f"--engines {folder}: engines run on a GPU only; name it with --device cuda")
    return folder


def formats_on_gpu(formats: tuple[str, ...]) -> tuple[str, ...]:
    """Those that run there; what is left out is told."""
    if "onnx" not in formats or "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        return formats
    if formats == ("onnx",):
        raise ConfigError(
            "--format onnx --device cuda: this ONNX Runtime was not built for CUDA; "
            "docs/install.md, 'ONNX Runtime on a GPU', says how to get the one that is"
        )
    note("no rows of ONNX Runtime: this one was not built for CUDA (onnxruntime-gpu is)")
    return tuple(name for name in formats if name != "onnx")


def note(text: str) -> None:
    """What is being done, beside the table."""
    print(text, file=sys.stderr, flush=True)


def clock_of(parsed: argparse.Namespace) -> Callable[[], float]:
    return time.process_time if parsed.cpu_time else time.perf_counter


def heading() -> str:
    return "".join(
        f"{h:<{w}}" if i < 3 else f"{h:>{w}}" for i, (h, w) in enumerate(zip(HEADS, WIDTHS, strict=True))
    )


def line(row: Row, machine: Machine | None) -> str:
    """A row of the table.

    'at GF/s' are the baseline's operations a second, to be held against what the machine was measured
    to do; 'bound' is the least time, ms, for our operations or bytes on this machine.
    """
    shown = row.as_json()
    case = row.case
    rate = case.plain_gflop / row.baseline_ms * 1000 if case.plain_gflop and row.baseline_ms else None
    bound = machine.least_ms(case.gflop, case.megabytes, case.precision) if machine and case.gflop else None
    cells = [
        *(shown[key] for key in ("what", "format", "precision", "batch")),
        *(figure(shown[key]) for key in ("ms_p50", "ms_p95", "baseline_ms")),
        figure(rate),
        figure(shown["ratio"]),
        figure(bound),
        f"{row.peak_mb:.0f}",
    ]
    return "".join(
        f"{cell:<{w}}" if i < 3 else f"{cell:>{w}}"
        for i, (cell, w) in enumerate(zip(cells, WIDTHS, strict=True))
    )


def figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def chosen(option: str, text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """The names in a list separated by commas, each one of the known."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in known:
            raise ConfigError(f"{option} {name}: not one of {', '.join(known)}{did_you_mean(name, known)}")
    return names


def numbers(text: str) -> tuple[int, ...]:
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        found = (0,)
    if not all(1 <= number <= 64 for number in found):
        raise ConfigError(f"--batch {text}: must be numbers from 1 to 64, separated by commas")
    return found


def main(arguments: list[str] | None = None) -> int:
    purpose = "The official networks beside a plain execution of the same."
    return run_command("benchmarks.compare", purpose, add_arguments, compare, arguments)


if __name__ == "__main__":
    sys.exit(main())
