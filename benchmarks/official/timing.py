"""Two ways of doing the same, timed by turns."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ditto.rates import FRAME_RATE

Clock = Callable[[], float]
Call = Callable[[], Any]


class Elsewhere:
    """A call that another process makes and times itself."""

    def __init__(self, milliseconds: Callable[[], float]) -> None:
        self.milliseconds = milliseconds

    def __call__(self) -> float:
        return self.milliseconds()


@dataclass(frozen=True)
class Case:
    """Something to be timed, and what it is timed against."""

    what: str
    format: str
    precision: str
    ours: Call
    baseline: Call | None = None
    batch: int = 1
    gflop: float = 0.0  # operations that are done in one call
    megabytes: float = 0.0  # that have to be read or written for it at least
    plain_gflop: float = 0.0  # operations of the plain execution
    frames: int = 1  # that one call makes; times are told of one
    warm: bool = False  # whether both ways have run before
    live: bool = False  # whether what is timed is a stream's frame, of which it shows 25 a second


@dataclass(frozen=True)
class Row:
    """The times of one case, milliseconds."""

    case: Case
    times: list[float] = field(default_factory=list)
    baseline_times: list[float] = field(default_factory=list)
    peak_mb: float = 0.0  # largest memory of the process so far

    @property
    def ms_p50(self) -> float:
        return float(np.median(self.times))

    @property
    def baseline_ms(self) -> float | None:
        return float(np.median(self.baseline_times)) if self.baseline_times else None

    def as_json(self) -> dict[str, Any]:
        baseline = self.baseline_ms
        return {
            "what": self.case.what,
            "format": self.case.format,
            "precision": self.case.precision,
            "batch": self.case.batch,
            "ms_p50": round(self.ms_p50, 3),
            "ms_p95": round(float(np.percentile(self.times, 95)), 3),
            "baseline_ms": None if baseline is None else round(baseline, 3),
            "ratio": None if baseline is None else round(baseline / self.ms_p50, 3),
            **({"fps": round(1000 / self.ms_p50, 2)} if self.case.live else {}),
            **({"live_streams": round(1000 / self.ms_p50 / FRAME_RATE, 2)} if self.case.live else {}),
        }


def peak_of_process() -> float:
    """The largest memory this program has had, megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(call: Call, clock: Clock) -> float:
    """Milliseconds of one call."""
    if isinstance(call, Elsewhere):
        return call.milliseconds()
    began = clock()
    call()
    return 1000 * (clock() - began)


def measure(
    case: Case,
    repeats: int,
    clock: Clock = time.perf_counter,
    seconds: float = math.inf,
    peak_mb: Callable[[], float] | None = None,
) -> Row:
    """Both ways warmed up by one call, then timed by turns, of which none begins after `seconds`.

    The row no longer holds what was timed: networks of gigabytes go when the case does.
    """
    row = Row(replace(case, ours=int, baseline=None))
    turns = [(case.ours, row.times)]
    if case.baseline is not None:
        turns.insert(0, (case.baseline, row.baseline_times))
    if not case.warm:
        for call, _ in turns:
            call()
    began = time.monotonic()
    for number in range(repeats):
        if number and time.monotonic() - began > seconds:
            break
        for call, times in turns:
            times.append(timed(call, clock) / case.frames)
    return replace(row, peak_mb=round((peak_mb or peak_of_process)()))
