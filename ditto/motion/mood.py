"""Emotion over time: from one to the next, eased, and changed while a stream runs."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cfg.errors import ConfigError
from cfg.settings import EMOTIONS
from ditto.arrays import Floats
from ditto.motion.timeline import eased

NEUTRAL = EMOTIONS.index("Neutral")
USUAL = "default"  # the stream's own emotion again
MOOD_FRAMES = 10.0  # frames a change takes: 0.4 s


@dataclass(frozen=True, slots=True)
class Cue:
    """From a moment on another emotion, reached after so many frames."""

    start: float
    shares: tuple[float, ...] | None  # of the eight emotions; None is the stream's own again
    over: float = MOOD_FRAMES
    ease: str = "smooth"
    label: str = ""  # as it was written


def mood_at(cues: Sequence[Cue], frame: float, usual: Floats) -> Floats:
    """(8,) shares at a frame, from cues in order of time over the stream's own."""
    shares = usual
    begun = bisect_right(cues, frame, key=lambda cue: cue.start)
    reached = [n for n in range(begun) if cues[n].start + cues[n].over <= frame]
    for cue in cues[reached[-1] if reached else 0 : begun]:
        target = usual if cue.shares is None else np.asarray(cue.shares, np.float32)
        share = np.float32(eased(cue.start, cue.over, frame, cue.ease))
        shares = shares * (1 - share) + target * share
    return shares


def weakened(shares: Floats, intensity: float) -> tuple[float, ...]:
    """The shares with what is missing from full intensity given to Neutral."""
    if not 0 <= intensity <= 1:
        raise ConfigError(f"intensity is {intensity:g}, but must be from 0 to 1")
    calm = np.zeros(len(EMOTIONS))
    calm[NEUTRAL] = 1
    return tuple(float(share) for share in shares * intensity + calm * (1 - intensity))


class Mood:
    """The emotion of a running stream; asked in order of frames from one thread, changed from any."""

    def __init__(self, cues: Iterable[Cue] = ()) -> None:
        self._written = tuple(sorted(cues, key=lambda cue: cue.start))
        self._said: list[Cue] = []  # live, by first frame
        self._next = 0  # frame asked for next
        self._lock = threading.Lock()

    def feel(self, shares: tuple[float, ...] | None, over: float = MOOD_FRAMES) -> None:
        """Another emotion from the next frame on; None is the stream's own again."""
        with self._lock:
            self._insert(Cue(self._next, shares, over))

    def add(self, cues: Iterable[Cue], start: float) -> None:
        """Adds the emotions of a script, its frame 0 at `start`."""
        with self._lock:
            for cue in cues:
                self._insert(replace(cue, start=cue.start + start))

    def _insert(self, cue: Cue) -> None:
        self._said = sorted([*self._said, cue], key=lambda said: said.start)

    def at(self, frame: int, usual: Floats) -> Floats:
        """(8,) shares of a frame whose stream's own are `usual`."""
        with self._lock:
            if frame == 0 and self._next > 1:  # a new turn: what was said stands
                self._said = [Cue(0, cue.shares, 0) for cue in self._said[-1:]]
            self._next = frame + 1
            done = [n for n, cue in enumerate(self._said) if cue.start + cue.over <= frame]
            if done:
                del self._said[: done[-1]]
            said = tuple(self._said)
        return mood_at(said, frame, mood_at(self._written, frame, usual))
