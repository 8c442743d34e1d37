"""Timing of a live face: how early work on a frame begins, and what is left out where it falls behind."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection

from stream_pipeline.live_face import FULL_QUALITY

MIN_LEAD, MAX_LEAD = 0.04, 0.4  # seconds
FIRST_LEAD = 0.12  # seconds, before anything was measured
MARGIN = 0.012  # seconds beyond what nearly all pictures take
GROWN = 1.3  # times the lead before, that are much
NEARLY_ALL = 0.98  # of the pictures
SPEECH_FRAMES, REST_FRAMES = 60, 100  # frames whose times are kept
LADDER = (
    (1, FULL_QUALITY),
    (2, "every second picture"),
    (3, "every third picture"),
    (5, "every fifth picture"),
)
WINDOW = 50  # frames over which late ones are counted
LATE_SHARE = 0.2  # of them above which a step is taken
PATIENCE, MAX_PATIENCE = 250, 3000  # frames without a late one after which a step is taken back


class Lead:
    """Time before a frame is due at which work on it begins: what nearly all pictures took of late."""

    def __init__(self) -> None:
        self._speech: deque[float] = deque(maxlen=SPEECH_FRAMES)
        self._rest: deque[float] = deque(maxlen=REST_FRAMES)
        self._times: deque[float] = deque(maxlen=REST_FRAMES)
        self.seconds = FIRST_LEAD

    def took(self, needed: float, whole: float | None, speech: bool) -> bool:
        """A picture was ready `needed` seconds after work on it had to begin, `whole` after it did.

        Tells whether work begins much earlier from now on.
        """
        before = self.seconds
        if whole is not None:
            self._times.append(whole)
        (self._speech if speech else self._rest).append(needed)
        most = max(reached_by(NEARLY_ALL, times) for times in (self._speech, self._rest) if times)
        self.seconds = min(max(most + MARGIN, MIN_LEAD), MAX_LEAD)
        return self.seconds > GROWN * before

    @property
    def median(self) -> float:
        """Seconds a picture takes."""
        return reached_by(0.5, self._times) if self._times else 0.0


def reached_by(share: float, times: Collection[float]) -> float:
    """The least time that so many of the times do not exceed."""
    return sorted(times)[math.ceil(share * len(times)) - 1]


class Ladder:
    """Steps down where painting falls behind, and up again; sound is never touched."""

    def __init__(self) -> None:
        self.step = 0
        self._late: deque[bool] = deque(maxlen=WINDOW)
        self._patience = PATIENCE
        self._good = 0  # frames since one was late
        self._rose = False  # whether the last step was back up

    @property
    def every(self) -> int:
        """One of so many frames is painted."""
        return LADDER[self.step][0]

    @property
    def said(self) -> str:
        return LADDER[self.step][1]

    def count(self, late: bool) -> bool:
        """A frame that was to be painted was late, or was not; whether another step holds now."""
        self._late.append(late)
        self._good = 0 if late else self._good + self.every
        full = len(self._late) * self.every >= WINDOW
        if full and sum(self._late) > LATE_SHARE * len(self._late) and self.step < len(LADDER) - 1:
            if self._rose:
                self._patience = min(2 * self._patience, MAX_PATIENCE)
            self._move(1)
            return True
        if self.step and self._good >= self._patience:
            self._move(-1)
            return True
        if self._good >= MAX_PATIENCE:
            self._patience = PATIENCE
        return False

    def forgive(self) -> None:
        """Frames late until now do not count."""
        self._late.clear()

    def _move(self, steps: int) -> None:
        self.step += steps
        self._rose = steps < 0
        self._late.clear()
        self._good = 0
