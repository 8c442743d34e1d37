"""Silence: the mouth closes and the head comes to rest when nobody speaks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats
from ditto.rates import FRAME_RATE

QUIET_FRAMES = 11  # of silence before the mouth begins to close
CLOSING_FRAMES = 2
OPENING_FRAMES = 2
WAKING_SHARE = 1 / 20  # share of the way to the present liveliness that one frame goes


class Silence:
    """Closing of a silent mouth and liveliness of the head, frame by frame."""

    def __init__(self) -> None:
        self._quiet = QUIET_FRAMES + CLOSING_FRAMES  # frames of silence until now
        self._closed = 1.0
        self._liveliness = 0.0
        self._first = 0  # number of the first frame kept
        self._kept: list[tuple[float, float]] = []

    def hear(self, speaks: npt.NDArray[np.bool_], start: int) -> None:
        """(80,) of the frames from `start` on; those heard before stay as they were."""
        if not self._kept:
            self._first = start
        for spoken in speaks[self._first + len(self._kept) - start :]:
            self._quiet = 0 if spoken else self._quiet + 1
            step = 1 / CLOSING_FRAMES if self._quiet > QUIET_FRAMES else -1 / OPENING_FRAMES
            self._closed = min(max(self._closed + step, 0.0), 1.0)
            awake = float(self._quiet <= FRAME_RATE)
            self._liveliness += (awake - self._liveliness) * WAKING_SHARE
            self._kept.append((self._closed, self._liveliness))
        del self._kept[: start - self._first]
        self._first = start

    def shut(self, start: int) -> Floats:
        return np.array([kept[0] for kept in self._kept[start - self._first :]], np.float32)

    def lively(self, start: int) -> Floats:
        return np.array([kept[1] for kept in self._kept[start - self._first :]], np.float32)
