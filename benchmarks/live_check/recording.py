"""What a viewer saw and heard, and when: times are milliseconds since 1970."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ditto.arrays import Image, Numbers

Whole = npt.NDArray[np.int64]
PICTURE_TICKS = 3600  # of RTP's clock, a frame
WRAP = 1 << 32  # ticks after which that clock begins again
LOUD = 0.01  # root mean square of 10 ms above which somebody is heard


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Pictures of the face as they were shown."""

    at: Numbers  # (n,)
    index: Whole  # (n,) frame of the face, counted from the first one
    presented: Whole  # (n,) pictures shown up to then, those that the page's script missed among them
    grey: Image  # (n, side, side) what surrounds the face

    @classmethod
    def of(cls, rows: Sequence[Sequence[float]], grey: Image) -> Pictures:
        """From rows of time, RTP ticks and count."""
        table = np.array(rows, np.float64).reshape(-1, 3)
        ticks = np.cumsum(np.diff(table[:, 1], prepend=table[:1, 1]) % WRAP)
        return cls(
            table[:, 0], np.rint(ticks / PICTURE_TICKS).astype(np.int64), table[:, 2].astype(int), grey
        )

    def between(self, begin: float, end: float) -> Pictures:
        inside = (self.at >= begin) & (self.at < end)
        return Pictures(self.at[inside], self.index[inside], self.presented[inside], self.grey[inside])


@dataclass(frozen=True, slots=True, eq=False)
class Sounds:
    """Loudness of what came out, in blocks of 10 ms."""

    at: Numbers  # (n,) end of each block
    level: Numbers  # (n,) root mean square

    @classmethod
    def of(cls, rows: Sequence[Sequence[float]]) -> Sounds:
        """From rows of wall clock, sound's clock in seconds, and level; only the second one runs evenly."""
        table = np.array(rows, np.float64).reshape(-1, 3)
        even = 1000 * table[:, 1]
        return cls(even + (np.median(table[:, 0] - even) if len(even) else 0.0), table[:, 2])

    def first(self, begin: float, end: float, loud: float = LOUD) -> float | None:
        """When somebody is heard first."""
        found = self.at[(self.at >= begin) & (self.at < end) & (self.level > loud)]
        return float(found[0]) if len(found) else None

    def last(self, begin: float, end: float, loud: float = LOUD) -> float | None:
        """When somebody is heard last."""
        found = self.at[(self.at >= begin) & (self.at < end) & (self.level > loud)]
        return float(found[-1]) if len(found) else None


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """Speech that was sent, as a whole, at a moment."""

    at: float
    until: float  # when the next one could begin
    level: Numbers | None  # (n,) loudness of its 10 ms blocks, where it is known


@dataclass(slots=True, eq=False)
class Recording:
    """A visit."""

    first_picture: float | None = None  # milliseconds after the click
    greeting: Said | None = None
    noticed: bool = False  # the microphone's voice, by the face
    reply: Said | None = None
    syllables: Said | None = None
    speech: Said | None = None
    stopped: list[tuple[float, float]] = field(default_factory=list)  # Escape, and when the try was over
    kept: bool = False  # the session, over a reload
    back: float | None = None  # milliseconds from the reload to a picture
    pictures: Pictures | None = None
    sounds: Sounds | None = None
