"""Moments of a script in motion frames, and how values pass from one to the next.

Motion is made at 25 frames a second whatever the video's frame rate, so a script counts those.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cfg.errors import ConfigError
from ditto.rates import FRAME_RATE

MAX_SCRIPT_FRAMES = 24 * 3600 * FRAME_RATE  # frames a script may reach
_SECONDS = re.compile(r"(\d{1,7}(?:\.\d{1,9})?|\.\d{1,9})\s*(ms|s|m|min)")
_CLOCK = re.compile(r"(?:(\d{1,2}):)?(\d{1,3}):(\d{1,2}(?:\.\d{1,9})?)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0}


def moment(given: object) -> float:
    """Motion frames from `12` (a frame), `"1.5s"`, `"200ms"`, `"2min"` or `"00:01.200"`."""
    frames: float
    if isinstance(given, int) and not isinstance(given, bool):
        frames = given
    elif isinstance(given, str) and given.strip().isdecimal() and len(given) < 19:
        frames = int(given)
    elif isinstance(given, str) and (said := _SECONDS.fullmatch(given.strip())):
        frames = float(said[1]) * _UNITS[said[2]] * FRAME_RATE
    elif isinstance(given, str) and (said := _CLOCK.fullmatch(given.strip())):
        frames = (int(said[1] or 0) * 3600 + int(said[2]) * 60 + float(said[3])) * FRAME_RATE
    elif isinstance(given, float):
        raise ConfigError(f"{given} is not a time: write {given}s for seconds, or a whole number of frames")
    else:
        raise ConfigError(f"{given!r} is not a time: write a frame (12), seconds (1.5s) or 00:01.200")
    if not 0 <= frames <= MAX_SCRIPT_FRAMES:
        raise ConfigError(f"{given} lies outside the 24 hours a script may have")
    return round(frames, 6)  # 0.04 s is frame 1 exactly


def seconds(frames: float) -> float:
    return frames / FRAME_RATE


Ease = Callable[[float], float]  # share of the time in 0..1 -> share of the way

EASES: Mapping[str, Ease] = {
    "linear": lambda x: x,
    "smooth": lambda x: x * x * (3 - 2 * x),  # starts and ends at rest
    "in": lambda x: x * x * x,  # starts at rest, arrives at speed
    "out": lambda x: 1 - (1 - x) ** 3,  # starts at speed, comes to rest
    "in_out": lambda x: 4 * x * x * x if x < 0.5 else 1 - 4 * (1 - x) ** 3,  # as smooth, more marked
    "overshoot": lambda x: 1 + 2.70158 * (x - 1) ** 3 + 1.70158 * (x - 1) ** 2,  # a tenth too far, and back
    "hold": lambda x: float(x >= 1),  # stays, then jumps
}


def eased(start: float, length: float, frame: float, ease: str) -> float:
    """0 before `start`, 1 from `start + length` on, eased between."""
    if frame >= start + length:
        return 1.0
    return 0.0 if frame <= start else EASES[ease]((frame - start) / length)


@dataclass(frozen=True, slots=True)
class Key:
    """A value at a moment, and how it is reached from the one before."""

    frame: float
    value: float
    ease: str = "smooth"


@dataclass(frozen=True, slots=True)
class Curve:
    """Values through keys in order of time; the first and the last hold beyond the ends."""

    keys: tuple[Key, ...]

    def at(self, frame: float) -> float:
        after = bisect_right(self.keys, frame, key=lambda key: key.frame)
        if after == 0:
            return self.keys[0].value
        before = self.keys[after - 1]
        if after == len(self.keys):
            return before.value
        to = self.keys[after]
        share = eased(before.frame, to.frame - before.frame, frame, to.ease)
        return before.value + (to.value - before.value) * share


@dataclass(frozen=True, slots=True)
class Envelope:
    """Share of something that rises, stays and falls between two moments."""

    start: float  # frames
    end: float
    rise: float = 0.0  # frames, within start and end
    fall: float = 0.0
    ease: str = "smooth"

    @classmethod
    def fitting(cls, start: float, end: float, rise: float, fall: float, ease: str = "smooth") -> Envelope:
        """Rise and fall made shorter where there is no room for both."""
        room = 1.0 if math.isinf(end) else min(1.0, (end - start) / max(rise + fall, 1e-9))
        return cls(start, end, rise * room, fall * room, ease)

    def at(self, frame: float) -> float:
        if not self.start <= frame < self.end:
            return 0.0
        rising = eased(self.start, self.rise, frame, self.ease) if self.rise else 1.0
        if not self.fall or frame <= self.end - self.fall:
            return rising
        return min(rising, eased(0.0, self.fall, self.end - frame, self.ease))
