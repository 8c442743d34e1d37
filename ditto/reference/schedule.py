"""The original program's schedule of making motion out of arriving features, faults included.

Online it begins with features of silence, throws its first window away and ends with the last
window, whatever the length of the sound; docs/decisions says what the default does instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ditto.arrays import Floats
from ditto.motion.diffusion import Normal
from ditto.motion.identity_hold import Identity
from ditto.motion.windows import FadedWindows
from ditto.packs.base import Sampler
from ditto.stages.messages import Features, Motion

# (n, F) features and the frame of the first of them, negative before the sound -> (n, C) conditions
Condition = Callable[[Floats, int], Floats]


class ReferenceMotion:
    """Stages 3 and 4 in one, because the original joins conditions to a window, its padding included."""

    name = "audio2motion"

    def __init__(
        self,
        sampler: Sampler,
        source: Floats,
        condition: Condition,
        *,
        warm_up: Floats | None,
        overlap: int,
        smoothing: int,
        rng: Normal,
        identity: Identity | None = None,
        limits: tuple[Floats, Floats] | None = None,
    ) -> None:
        """`warm_up`: (overlap, F) features of silence online, None where every frame counts."""
        self._sampler = sampler
        self._source = source
        self._condition = condition
        self._warm_up = warm_up
        self._overlap = overlap
        self._smoothing = smoothing
        self._rng = rng
        self._identity = identity or Identity()
        self._limits = limits
        self._advance = sampler.window - overlap
        self._fade = overlap if warm_up is None else min(overlap, self._advance)
        self.first: Floats | None = None  # (265,) online: what relative motion counts from
        self._turn = 0
        self._index = 0  # of the next frame, counted through the utterances of a turn
        self._begin()

    def _begin(self) -> None:
        self._waiting: list[Floats] = []  # rows that are not looked at before there are enough
        self._rows: list[Floats] = [] if self._warm_up is None else list(self._warm_up)
        self._frame = -len(self._rows)  # of the first of `_rows`
        self._joined = FadedWindows(self._overlap, self._fade, self._smoothing)
        self._previous = self._source
        self._windows = 0
        self._start: int | None = 0 if self._warm_up is None else None  # the next frame to give
        self._heard = False

    def process(self, item: Features) -> Iterator[Motion]:
        self._heard = True
        self._waiting += list(item.rows)
        if len(self._waiting) >= self._advance:
            yield from self._windows_of(ended=False)

    def flush(self) -> Iterator[Motion]:
        if self._heard:
            yield from self._windows_of(ended=True)
            self._begin()

    def interrupt(self, turn: int) -> None:
        self._turn = turn
        self._index = 0
        self._begin()

    def _windows_of(self, *, ended: bool) -> Iterator[Motion]:
        self._rows += self._waiting
        self._waiting = []
        length = self._sampler.window
        while self._rows and (ended or len(self._rows) >= length):
            known = len(self._rows)
            self._add(self._rows[:length] + self._rows[-1:] * (length - known))
            used = self._advance if known >= length else known
            if self._start is None:
                self._start = self._joined.total - self._fade
                self.first = self._limited(self._joined.frames(0, 1)[0])
            else:
                yield from self._given(self._start, min(self._start + used, self._joined.total))
                self._start += used
            del self._rows[:used]
            self._frame += used

    def _add(self, rows: list[Floats]) -> None:
        conditions = self._condition(np.stack(rows), self._frame)
        self._joined.add(self._sampler.sample(self._previous, conditions, self._rng))  # type: ignore[arg-type]
        self._windows += 1
        self._previous = self._identity.before_window(self._windows, self._source, self._joined.before_next)

    def _given(self, start: int, stop: int) -> Iterator[Motion]:
        for frame in self._joined.frames(start, stop):
            yield Motion(self._turn, self._index, self._limited(frame))
            self._index += 1

    def _limited(self, frame: Floats) -> Floats:
        return frame if self._limits is None else np.clip(frame, *self._limits)
