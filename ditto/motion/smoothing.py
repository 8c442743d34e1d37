"""A running average of head motion, for frames that arrive one after the other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ditto.arrays import Floats
from ditto.motion.windows import HEAD_SLICE


class HeadSmoother:
    """Each frame with its head averaged over the `width` around it; they come `width` // 2 late."""

    def __init__(self, width: int) -> None:
        self._half = width // 2 if width > 1 else 0
        self._around: list[Floats] = []  # the frames that some average still needs
        self._next = 0  # place in `_around` of the frame that is given next

    def push(self, frame: Floats) -> Iterator[Floats]:
        self._around.append(frame)
        while self._next + self._half < len(self._around):
            yield self._give()

    def flush(self) -> Iterator[Floats]:
        while self._next < len(self._around):
            yield self._give()
        self._around, self._next = [], 0

    def _give(self) -> Floats:
        frame = self._around[self._next]
        if self._half:
            first = max(0, self._next - self._half)
            frame = frame.copy()
            frame[HEAD_SLICE] = np.mean(
                [f[HEAD_SLICE] for f in self._around[first : self._next + self._half + 1]], axis=0
            )
        self._next += 1
        spare = self._next - self._half
        if spare > 0:
            del self._around[:spare]
            self._next -= spare
        return frame
