"""Idle motion of the built-in pack: head, brows, gaze, blinks and breath, independent of the voice.

They are processes with the spread and the speed measured on people. Their value at a frame depends
only on the seed and on the frame's number: windows that share frames agree on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats
from ditto.rates import FRAME_RATE

WINDOW_FRAMES = 80  # frames that are asked for at once
QUICK_FRAMES, SLOW_FRAMES = 3.5, 12.0  # frames: the two time scales of head and brows
SLOW_REACH_FRAMES = 36  # frames that the slow one looks to either side
NOISE_BLOCK = 64  # frames of noise drawn at once


@dataclass(frozen=True, slots=True)
class Wander:
    """Random walk of one number: its spread, and the share of its variance that is quick."""

    spread: float
    quick: float


# Spread within clips of people talking, in degrees, and speed over three frames, in degrees a frame:
# yaw 4.8 and 0.66, pitch 3.7 and 0.62, roll 3.3 and 0.38. A portrait turns a little less than that.
PITCH_WANDER = Wander(3.7, 0.58)
YAW_WANDER = Wander(4.3, 0.42)
ROLL_WANDER = Wander(3.0, 0.30)
SHIFT_WANDER = Wander(0.008, 0.2)  # of the translation
SIZE_WANDER = Wander(0.004, 0.2)
BROW_WANDER = Wander(0.8, 0.75)  # millimetres
INNER_BROW_WANDER = Wander(0.25, 0.75)  # inner brows against outer ones
WANDERS = (
    PITCH_WANDER,
    YAW_WANDER,
    ROLL_WANDER,
    SHIFT_WANDER,
    SHIFT_WANDER,
    SIZE_WANDER,
    BROW_WANDER,
    INNER_BROW_WANDER,
)

BLINK_PAUSE = (3.1, 0.45)  # seconds between blinks: median, and spread of the logarithm
FIRST_BLINK = (1.0, 3.1)  # seconds between which the first one comes
BLINK_SHAPE = np.array([0.35, 0.9, 1.0, 0.75, 0.4, 0.15], np.float32)
FIXATION_PAUSE = (1.1, 0.6)  # seconds a gaze rests, likewise
FIRST_FIXATION = (0.4, 1.1)  # seconds that the portrait's own gaze rests
GAZE_SPREAD_MM = (1.0, 0.6)  # millimetres of spread, sideways and up
MIN_PAUSE = 9  # frames between two blinks, or jumps of the gaze
BREATH_CYCLE = (3.9, 0.2)  # seconds, degrees of pitch


class Idle:
    """Idle motion as a function of the seed and the frame's number."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._slow, self._quick = smoother(SLOW_FRAMES), smoother(QUICK_FRAMES)
        self._spread = np.array([number.spread for number in WANDERS])
        self._share = np.array([number.quick for number in WANDERS])
        self._phase = float(np.random.default_rng((seed, 1)).uniform(0, 2 * np.pi))
        self._blinks = Events(np.random.default_rng((seed, 2)), BLINK_PAUSE, FIRST_BLINK)
        self._looks = Events(np.random.default_rng((seed, 3)), FIXATION_PAUSE, FIRST_FIXATION)

    def wander(self, start: int, count: int = WINDOW_FRAMES) -> Floats:
        """(count, 8) in the order of WANDERS, up to 80 frames."""
        slow, quick = self._noise(4, start, count), self._noise(5, start, count)
        reach = count + 2 * SLOW_REACH_FRAMES
        mixed = np.sqrt(1 - self._share) * (self._slow[:count, :reach] @ slow) + np.sqrt(self._share) * (
            self._quick[:count, :reach] @ quick
        )
        return np.asarray(mixed * self._spread, np.float32)

    def _noise(self, stream: int, start: int, count: int) -> npt.NDArray[np.float64]:
        """White noise of the frames of a window and SLOW_REACH_FRAMES frames to either side."""
        first, last = (
            start,
            start + count + 2 * SLOW_REACH_FRAMES,
        )  # numbered from SLOW_REACH_FRAMES frames earlier
        blocks = range(first // NOISE_BLOCK, (last - 1) // NOISE_BLOCK + 1)
        drawn = np.concatenate([noise_block(self._seed, stream, block) for block in blocks])
        skipped = first - blocks.start * NOISE_BLOCK
        noise: npt.NDArray[np.float64] = drawn[skipped : skipped + last - first]
        return noise

    def breath(self, start: int, count: int = WINDOW_FRAMES) -> Floats:
        """(count,) degrees of pitch."""
        seconds = (start + np.arange(count)) / FRAME_RATE
        return np.asarray(
            BREATH_CYCLE[1] * np.sin(2 * np.pi * seconds / BREATH_CYCLE[0] + self._phase), np.float32
        )

    def blink(self, start: int, count: int = WINDOW_FRAMES) -> Floats:
        """(count,) 0 for an open eye, 1 for a closed one."""
        closed = np.zeros(count + 2 * len(BLINK_SHAPE), np.float32)
        for at, _ in self._blinks.near(start):
            place = at - start + len(BLINK_SHAPE)
            if 0 <= place < len(closed):
                shape = BLINK_SHAPE[: len(closed) - place]
                closed[place : place + len(shape)] = np.maximum(closed[place : place + len(shape)], shape)
        return closed[len(BLINK_SHAPE) : -len(BLINK_SHAPE)]

    def blink_cut(self, end: int) -> int | None:
        """The first frame of a blink after which eyes are not open again before the frame `end`."""
        for at, _ in reversed(self._blinks.near(end - len(BLINK_SHAPE))):
            if end - len(BLINK_SHAPE) <= at < end:
                return at
        return None

    def gaze(self, start: int, count: int = WINDOW_FRAMES) -> Floats:
        """(count, 2) millimetres: rests, and jumps that take two frames."""
        looks = self._looks.near(start)
        before = np.searchsorted([at for at, _ in looks], start + np.arange(-1, count), side="right")
        places = np.concatenate([[(0.0, 0.0)], [place for _, place in looks]]) * GAZE_SPREAD_MM
        held = places[before]
        return np.asarray((held[1:] + held[:-1]) / 2, np.float32)


@lru_cache(maxsize=64)
def noise_block(seed: int, stream: int, block: int) -> npt.NDArray[np.float64]:
    """(64, 8) white noise, the same whenever it is asked for."""
    return np.random.default_rng((seed, stream, block)).standard_normal((NOISE_BLOCK, len(WANDERS)))


class Events:
    """Moments at random pauses, each with a random place; drawn as far as they are asked for."""

    def __init__(
        self, rng: np.random.Generator, pause: tuple[float, float], first: tuple[float, float]
    ) -> None:
        self._rng = rng
        self._pause = pause
        self._at = round(rng.uniform(*first) * FRAME_RATE)  # of the next one
        self._events: list[tuple[int, tuple[float, float]]] = []

    def near(self, start: int) -> list[tuple[int, tuple[float, float]]]:
        """The moments up to the end of a window at `start`, and the last ones before it."""
        while self._at < start + 2 * WINDOW_FRAMES:
            across, down = np.clip(self._rng.standard_normal(2), -2, 2)
            self._events.append((self._at, (float(across), float(down))))
            seconds = self._pause[0] * float(np.exp(self._pause[1] * self._rng.standard_normal()))
            self._at += max(round(seconds * FRAME_RATE), MIN_PAUSE)
        while len(self._events) > 2 and self._events[1][0] < start - 2 * WINDOW_FRAMES:
            del self._events[0]
        return self._events


def smoother(scale: float) -> npt.NDArray[np.float64]:
    """(80, 80 + 2 · 36) averages white noise over a bell of `scale` frames, to unit variance."""
    offsets = np.arange(-SLOW_REACH_FRAMES, SLOW_REACH_FRAMES + 1)
    bell = np.exp(-0.5 * (offsets / scale) ** 2)
    bell /= np.sqrt((bell**2).sum())
    matrix = np.zeros((WINDOW_FRAMES, WINDOW_FRAMES + 2 * SLOW_REACH_FRAMES))
    for frame in range(WINDOW_FRAMES):
        matrix[frame, frame : frame + len(bell)] = bell
    return matrix
