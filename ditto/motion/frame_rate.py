"""Resamples motion to another frame rate by interpolation; no picture is repeated or blended."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cfg.frame_rates import Rate
from ditto.rates import FRAME_RATE, SAMPLE_RATE
from ditto.stages.messages import Motion


def frames_of(samples: int, fps: Rate) -> int:
    """ceil(duration * fps) of a voice at 16 kHz."""
    return -(-samples * fps // SAMPLE_RATE)


class Retimed:
    """Frames of motion, 25 a second, as `fps` a second."""

    name = "retimed"

    def __init__(self, fps: Rate, count: int) -> None:
        """`count` frames are given in all, of the voice's exact length."""
        self._fps = fps
        self._count = count
        self._given = 0
        self._last: Motion | None = None

    def process(self, item: Motion) -> Iterator[Motion]:
        before = self._last or item
        self._last = item
        while self._given < self._count:
            whole, parts = divmod(self._given * FRAME_RATE, self._fps)
            if whole > item.index or (parts and whole == item.index):
                return
            share = np.float32(float(parts / self._fps))
            vector = item.vector if whole == item.index else before.vector
            if parts:
                vector = before.vector + (item.vector - before.vector) * share
            yield Motion(item.turn, self._given, vector)
            self._given += 1

    def flush(self) -> Iterator[Motion]:
        """The last frames lie after the last motion, which is held."""
        while self._last is not None and self._given < self._count:
            yield Motion(self._last.turn, self._given, self._last.vector)
            self._given += 1

    def interrupt(self, turn: int) -> None:
        self._given = 0
        self._last = None
