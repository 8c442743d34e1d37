"""A line that says how far the work is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

BAR_INTERVAL = 0.1  # seconds between two states of the bar
LINE_INTERVAL = 15.0  # seconds between two lines where there is no terminal


class ProgressBar:
    """Frames done, frames a second, time left: a bar on a terminal, elsewhere a line now and then."""

    def __init__(
        self,
        *,
        quiet: bool = False,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._quiet = quiet
        self._stream = stream or sys.stderr
        self._clock = clock
        self._live = self._stream.isatty()
        self._began = self._shown = clock()

    def __call__(self, done: int, total: int) -> None:
        now = self._clock()
        ended = self._live and done >= total
        if self._quiet or not (ended or now - self._shown >= (BAR_INTERVAL if self._live else LINE_INTERVAL)):
            return
        self._shown = now
        speed = done / max(now - self._began, 1e-6)
        left = (total - done) / speed if speed > 0 else 0.0
        said = f"{done}/{total} frames  {speed:5.1f} fps  {left:4.0f} s left"
        if self._live:
            filled = int(24 * done / max(total, 1))
            self._stream.write(f"\r[{'#' * filled}{'-' * (24 - filled)}] {said} ")
        else:
            self._stream.write(f"{' '.join(said.split())}\n")
        self._stream.flush()

    def finish(self) -> None:
        if self._live and not self._quiet and self._shown > self._began:
            self._stream.write("\n")
