"""A line that says how far the work is."""

from __future__ import annotations

import sys
import time


class ProgressBar:
    """Frames done, frames a second, time left; silent where nobody looks."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._silent = quiet or not sys.stderr.isatty()
        self._began = time.perf_counter()
        self._shown = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.perf_counter()
        if self._silent or (now - self._shown < 0.1 and done < total):
            return
        self._shown = now
        speed = done / max(now - self._began, 1e-6)
        left = (total - done) / speed if speed > 0 else 0.0
        filled = int(24 * done / max(total, 1))
        bar = "#" * filled + "-" * (24 - filled)
        sys.stderr.write(f"\r[{bar}] {done}/{total} frames  {speed:5.1f} fps  {left:4.0f} s left ")
        sys.stderr.flush()

    def finish(self) -> None:
        if not self._silent and self._shown:
            sys.stderr.write("\n")
