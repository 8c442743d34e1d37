"""Motion of the mini pack: lips read from the voice, everything else from a seeded process.

Lips are read from the speech features by a linear readout and small networks, averaged.
Head, brows, gaze and blinks hardly depend on what is said, so they are processes with the spread
and the speed measured on people. Their value at a frame depends only on the seed and on the
frame's number: windows that share frames agree on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cfg.errors import ModelError
from ditto.arrays import Floats
from ditto.motion.angles import bins_to_degrees, degrees_to_bins
from ditto.motion.vector import EXPRESSION, LENGTH, PLACES, TRANSLATION
from ditto.packs.mini.motion.expression_numbers import FULL_BLINK, METRE, OPENS, Exp
from ditto.rates import FRAME_RATE

WINDOW = 80  # frames
LISTENING: Mapping[str, Mapping[str, int]] = {  # how the features of each readout are cut
    "online": {"hop": 5, "lookahead": 4, "past": 37},
    "offline": {"hop": 50, "lookahead": 25, "past": 50},
}
CHANNELS = (
    Exp.GAP, Exp.JAW, Exp.LOW_LIP, Exp.UP_LIP, Exp.WIDTH, Exp.CORNER, Exp.PROTRUDE, Exp.UP_THICK,
    Exp.LOW_THICK, Exp.SNEER,
)  # fmt: skip
OUTPUTS = len(CHANNELS) + 2  # of a readout: lips, then whether somebody speaks, then M, B and P
EMOTIONS = 8  # weights at the end of a row, in the order of cfg.settings.EMOTIONS
LIMITS = (
    (0, 30), (-4, 18), (-6, 10), (-9, 6), (-16, 14), (-8, 8), (-6, 5), (-4, 4), (-5, 4), (-3, 3),
)  # fmt: skip

QUIET_FRAMES = 11  # of silence before the mouth begins to close
CLOSING_FRAMES = 2
OPENING_FRAMES = 2
MEETING = 0.25  # of the readout of M, B and P over which lips that begin to close meet
SPOKEN = 0.5  # readout of the voice above which somebody speaks

FAST, SLOW = 3.5, 12.0  # frames: the two time scales of head and brows
REACH = 36  # frames that the slow one looks to either side
NOISE_BLOCK = 64  # frames of noise drawn at once
IDLE = 0.45  # part of the movement that is left when nobody speaks
WAKING = 1 / 20  # share of the way to the present liveliness that one frame goes
CARRY_HEAD, CARRY_FACE = 12.0, 3.0  # frames in which the pose before an utterance is left


@dataclass(frozen=True, slots=True)
class Wander:
    """How one number strays: its spread, and the share of its variance that is quick."""

    spread: float
    quick: float


# Spread within clips of people talking, in degrees, and speed over three frames, in degrees a frame:
# yaw 4.8 and 0.66, pitch 3.7 and 0.62, roll 3.3 and 0.38. A portrait turns a little less than that.
PITCH = Wander(3.7, 0.58)
YAW = Wander(4.3, 0.42)
ROLL = Wander(3.0, 0.30)
SHIFT = Wander(0.008, 0.2)  # of the translation
SIZE = Wander(0.004, 0.2)
BROWS = Wander(0.8, 0.75)  # millimetres
HALVES = Wander(0.25, 0.75)  # inner brows against outer ones
WANDERING = (PITCH, YAW, ROLL, SHIFT, SHIFT, SIZE, BROWS, HALVES)

BLINK_PAUSE = (3.1, 0.45)  # seconds between blinks: median, and spread of the logarithm
BLINK_FIRST = (1.0, 3.1)  # seconds between which the first one comes
BLINK_SHAPE = np.array([0.35, 0.9, 1.0, 0.75, 0.4, 0.15], np.float32)
FIXATION = (1.1, 0.6)  # seconds a gaze rests, likewise
FIXATION_FIRST = (0.4, 1.1)  # seconds that the portrait's own gaze rests
GAZE = (1.0, 0.6)  # millimetres of spread, sideways and up
LEAST_PAUSE = 9  # frames between two blinks, or jumps of the gaze
BREATH = (3.9, 0.2)  # seconds, degrees of pitch

FEELINGS: tuple[dict[Exp, float], ...] = (  # millimetres at full strength
    {Exp.BROW_IN: 6.0, Exp.BROW_OUT: 1.5, Exp.FURROW: -5.0, Exp.UP_THICK: -1.4, Exp.LOW_THICK: -1.6,
     Exp.CORNER: 3.2, Exp.SNEER: -1.5, Exp.BLINK_LEFT: 1.0, Exp.BLINK_RIGHT: 1.0},
    {Exp.BROW_IN: 3.5, Exp.BROW_OUT: 2.0, Exp.FURROW: -2.5, Exp.SNEER: -4.5, Exp.UP_LIP: -2.2,
     Exp.CORNER: 3.0, Exp.BLINK_LEFT: 2.0, Exp.BLINK_RIGHT: 2.0},
    {Exp.BROW_IN: -6.0, Exp.BROW_OUT: -2.0, Exp.FURROW: -2.5, Exp.WIDTH: 4.5, Exp.CORNER: 2.2,
     Exp.BLINK_LEFT: -2.0, Exp.BLINK_RIGHT: -2.0},
    {Exp.WIDTH: 10.0, Exp.CORNER: -5.8, Exp.UP_THICK: -0.8, Exp.LOW_THICK: -0.5, Exp.BROW_OUT: -1.0,
     Exp.BLINK_LEFT: 1.5, Exp.BLINK_RIGHT: 1.5},
    {},
    {Exp.BROW_IN: -5.0, Exp.BROW_OUT: 2.0, Exp.FURROW: -1.5, Exp.CORNER: 4.8, Exp.WIDTH: -1.5,
     Exp.LOW_THICK: 0.8, Exp.BLINK_LEFT: 3.2, Exp.BLINK_RIGHT: 3.2},
    {Exp.BROW_IN: -6.0, Exp.BROW_OUT: -6.5, Exp.BLINK_LEFT: -2.0, Exp.BLINK_RIGHT: -2.0, Exp.JAW: 2.0},
    {Exp.ASYM: 3.5, Exp.CORNER: -1.5, Exp.WIDTH: 1.5, Exp.SNEER: -1.2, Exp.BROW_OUT: 1.0,
     Exp.BLINK_LEFT: 1.8, Exp.BLINK_RIGHT: 1.8},
)  # fmt: skip
PARTED = (0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 5.0, 0.0)  # millimetres between the lips of a silent mouth


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """A small network from speech features to lips: each neighbour narrowed alike, then two layers."""

    narrow: Floats  # (768, d)
    narrow_bias: Floats  # (d,)
    join: Floats  # (taps * d, h)
    join_bias: Floats  # (h,)
    mix: Floats  # (h, h)
    mix_bias: Floats  # (h,)
    out: Floats  # (h, 12)

    def __call__(self, rows: Floats) -> Floats:
        """(n, taps * 768) rows to (n, 12), without the bias, which is the readout's."""
        neighbours = rows.reshape(-1, len(self.narrow))
        narrowed = bent(neighbours @ self.narrow + self.narrow_bias).reshape(len(rows), -1)
        hidden = bent(narrowed @ self.join + self.join_bias)
        spread = np.sqrt(hidden.var(axis=1, keepdims=True) + 1e-5)
        normed = (hidden - hidden.mean(axis=1, keepdims=True)) / spread
        mixed = hidden + bent(np.asarray(normed @ self.mix + self.mix_bias, np.float32))
        return np.asarray(mixed @ self.out, np.float32)


READER = tuple(field.name for field in fields(Reader))


def bent(x: Floats) -> Floats:
    """A smooth ramp: x times a logistic curve of it."""
    y: Floats = x * np.float32(0.5) * (1 + np.tanh(x * np.float32(0.5)))
    return y


@dataclass(frozen=True, slots=True, eq=False)
class Readout:
    """From speech features to lips, for features cut in one way."""

    weights: Floats  # (width, 12): lips in the order of CHANNELS, in millimetres; the voice; M, B and P
    bias: Floats  # (12,)
    readers: tuple[Reader, ...] = ()  # added to the linear part

    def __call__(self, rows: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """(n, width) rows to (n, 10) millimetres and whether somebody speaks."""
        read: Floats = rows @ self.weights + self.bias
        for reader in self.readers:
            read = read + reader(rows)
        lips, voice, sound = read[:, :-2], read[:, -2], read[:, -1]
        lips[:, 0] = met(lips[:, 0], sound)
        low, high = np.array(LIMITS, np.float32).T
        return np.clip(lips, low, high), voice > SPOKEN


def met(gap: Floats, sound: Floats) -> Floats:
    """Millimetres of a gap that closes as the sound becomes one that no open mouth can make."""
    sure = np.clip(sound / MEETING, 0, 1)
    return np.asarray(gap * (1 - sure * sure * (3 - 2 * sure)), np.float32)


def load_readout(path: Path, *, online: bool) -> Readout:
    """The readout in a weights file, for features of a stream or of whole speech."""
    kind = "online" if online else "offline"
    try:
        with np.load(path, allow_pickle=False) as stored:
            weights, bias, *parts = (
                stored[f"{kind}_{name}"].astype(np.float32) for name in ("weights", "bias", *READER)
            )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{path}: not the weights of the mini pack's motion: {error}") from error
    if weights.ndim != 2 or weights.shape[1] != OUTPUTS or bias.shape != (OUTPUTS,):
        raise ModelError(f"{path}: weights are {weights.shape}, but (width, {OUTPUTS}) is needed")
    readers = tuple(Reader(*part) for part in zip(*parts, strict=True))
    return Readout(weights, bias, readers)


class MiniSampler:
    """Motion of one session; windows must be asked for in order, `overlap` frames shared.

    A new generator begins a new utterance: the processes go on, and the face moves from where the
    one before left it.
    """

    window = WINDOW

    def __init__(
        self,
        readout: Readout,
        source: Floats,
        *,
        overlap: int,
        online: bool = False,
        emotion: bool = True,
        loudness: bool = False,
    ) -> None:
        """`source` (265,) is the portrait's own motion; `emotion`: rows end in 8 emotion weights.

        `loudness`: before these stands a number, 0 where the sound is too faint to be a voice.
        """
        self._readout = readout
        self._source = source
        self._source_degrees = [
            float(bins_to_degrees(source[None, PLACES[angle]])[0]) for angle in ("pitch", "yaw", "roll")
        ]
        self._advance = WINDOW - overlap
        self._lead = overlap if online else 0
        self._emotion = emotion
        self._loudness = loudness
        self._rng: np.random.Generator | None = None  # of the present utterance
        self._life: _Life | None = None
        self._start = 0  # number of the next window's first frame
        self._anchor = 0  # number of the utterance's first frame
        self._carried = np.zeros(LENGTH, np.float32)  # what the utterance has to leave behind
        self._silence = _Silence()

    def sample(self, previous: Floats, conditions: Floats, rng: np.random.Generator) -> Floats:
        if self._life is None:
            self._life = _Life(int(rng.integers(2**62)))
        begins = rng is not self._rng
        if begins:
            self._rng = rng
            self._anchor = self._start + self._lead
            self._silence = _Silence()
        frames = self._make(self._life, conditions)
        if begins:
            self._carried = previous - frames[self._lead]
        frames = frames + self._carried * self._left()
        frames[:, EXPRESSION.start + Exp.GAP] = np.maximum(frames[:, EXPRESSION.start + Exp.GAP], 0)
        self._start += self._advance
        return np.asarray(frames, np.float32)

    def ended(self, frames: Floats, count: int) -> Floats:
        """The last of an utterance's `count` frames, eyes kept open for a blink that they would cut.

        Of a stream that is seen as it is made, one that has begun already is cut.
        """
        end = self._anchor + count
        first = end - len(frames)
        cut = None if self._life is None else self._life.blink_cut(end)
        if cut is None or cut < first:
            return frames
        lids = [PLACES["exp"].start + place for place in (Exp.BLINK_LEFT, Exp.BLINK_RIGHT)]
        frames, begun, shut = frames.copy(), BLINK_SHAPE[0], FULL_BLINK * METRE
        at_rest = self._source[lids]
        frames[cut - first :, lids] = (frames[cut - first, lids] - begun * (shut + at_rest)) / (1 - begun)
        return frames

    def _left(self) -> Floats:
        """(80, 265) how much is left in each frame of what was carried into the utterance."""
        age = np.maximum(self._start + np.arange(WINDOW) - self._anchor, 0)[:, None]
        left = np.repeat(np.exp(-age / CARRY_HEAD), LENGTH, axis=1)
        left[:, EXPRESSION] = np.exp(-age / CARRY_FACE)
        return np.asarray(left, np.float32)

    def _make(self, life: _Life, conditions: Floats) -> Floats:
        rows, feelings = conditions, None
        if self._emotion:
            rows, feelings = conditions[:, :-EMOTIONS], conditions[:, -EMOTIONS:]
        loud = np.ones(len(rows), np.bool_)
        if self._loudness:
            rows, loud = rows[:, :-1], rows[:, -1] > 0
        lips, speaks = self._readout(rows)
        speaks &= loud
        self._silence.hear(speaks, self._start)
        shut = self._silence.shut(self._start)[:, None]
        lively = self._silence.lively(self._start)[:, None]
        wander = life.wander(self._start) * (IDLE + (1 - IDLE) * lively)

        face = np.zeros((WINDOW, 63), np.float32)  # millimetres
        face[:, list(CHANNELS)] = lips * (1 - shut)
        face[:, [Exp.BROW_IN, Exp.BROW_OUT]] = wander[:, 6:7] + wander[:, 7:8] * np.array([1, -1], np.float32)
        if feelings is not None:
            face += feelings @ _feelings()
            parted = feelings @ np.array(PARTED, np.float32) * shut[:, 0]
            face[:, Exp.GAP] += parted
            for place, share in OPENS.items():
                face[:, place] += share * parted
        gaze = life.gaze(self._start)
        face[:, [Exp.GAZE_X_LEFT, Exp.GAZE_Y_LEFT]] += gaze
        face[:, [Exp.GAZE_X_RIGHT, Exp.GAZE_Y_RIGHT]] += gaze
        lids = [Exp.BLINK_LEFT, Exp.BLINK_RIGHT]
        blink = life.blink(self._start)[:, None]
        face[:, lids] = face[:, lids] * (1 - blink) + FULL_BLINK * blink

        frames = np.repeat(self._source[None], WINDOW, axis=0)
        frames[:, EXPRESSION] = self._rest() + face * np.float32(METRE)
        for part, name in enumerate(("pitch", "yaw", "roll")):
            degrees = wander[:, part] + np.float32(self._source_degrees[part])
            if name == "pitch":
                degrees = degrees + life.breath(self._start)
            frames[:, PLACES[name]] = degrees_to_bins(degrees.astype(np.float32))
        frames[:, TRANSLATION.start : TRANSLATION.start + 2] += wander[:, 3:5]
        frames[:, 0] += wander[:, 5]
        return frames

    def _rest(self) -> Floats:
        """(63,) the portrait's own expression with the lips brought together."""
        rest: Floats = self._source[EXPRESSION].copy()
        for place, share in OPENS.items():
            rest[place] -= share * rest[Exp.GAP]
        rest[Exp.GAP] = 0
        return rest


def _feelings() -> Floats:
    """(8, 63) millimetres of each emotion at full strength."""
    table = np.zeros((EMOTIONS, 63), np.float32)
    for row, offsets in zip(table, FEELINGS, strict=True):
        for place, millimetres in offsets.items():
            row[place] = millimetres
    return table


class _Silence:
    """How far a silent mouth has closed and how lively the head is, frame by frame."""

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
            self._liveliness += (awake - self._liveliness) * WAKING
            self._kept.append((self._closed, self._liveliness))
        del self._kept[: start - self._first]
        self._first = start

    def shut(self, start: int) -> Floats:
        return np.array([kept[0] for kept in self._kept[start - self._first :]], np.float32)

    def lively(self, start: int) -> Floats:
        return np.array([kept[1] for kept in self._kept[start - self._first :]], np.float32)


class _Life:
    """What a face does without being told, a function of the seed and the frame's number."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._slow, self._quick = _smoother(SLOW), _smoother(FAST)
        self._spread = np.array([number.spread for number in WANDERING])
        self._share = np.array([number.quick for number in WANDERING])
        self._phase = float(np.random.default_rng((seed, 1)).uniform(0, 2 * np.pi))
        self._blinks = _Events(np.random.default_rng((seed, 2)), BLINK_PAUSE, BLINK_FIRST)
        self._looks = _Events(np.random.default_rng((seed, 3)), FIXATION, FIXATION_FIRST)

    def wander(self, start: int) -> Floats:
        """(80, 8) in the order of WANDERING."""
        slow, quick = self._noise(start, 4), self._noise(start, 5)
        mixed = np.sqrt(1 - self._share) * (self._slow @ slow) + np.sqrt(self._share) * (self._quick @ quick)
        return np.asarray(mixed * self._spread, np.float32)

    def _noise(self, start: int, stream: int) -> npt.NDArray[np.float64]:
        """White noise of the frames of a window and REACH frames to either side."""
        first, last = start, start + WINDOW + 2 * REACH  # numbered from REACH frames earlier
        blocks = range(first // NOISE_BLOCK, (last - 1) // NOISE_BLOCK + 1)
        drawn = np.concatenate(
            [
                np.random.default_rng((self._seed, stream, block)).standard_normal(
                    (NOISE_BLOCK, len(WANDERING))
                )
                for block in blocks
            ]
        )
        skipped = first - blocks.start * NOISE_BLOCK
        noise: npt.NDArray[np.float64] = drawn[skipped : skipped + last - first]
        return noise

    def breath(self, start: int) -> Floats:
        """(80,) degrees of pitch."""
        seconds = (start + np.arange(WINDOW)) / FRAME_RATE
        return np.asarray(BREATH[1] * np.sin(2 * np.pi * seconds / BREATH[0] + self._phase), np.float32)

    def blink(self, start: int) -> Floats:
        """(80,) 0 for an open eye, 1 for a closed one."""
        closed = np.zeros(WINDOW + 2 * len(BLINK_SHAPE), np.float32)
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

    def gaze(self, start: int) -> Floats:
        """(80, 2) millimetres: rests, and jumps that take two frames."""
        looks = self._looks.near(start)
        before = np.searchsorted([at for at, _ in looks], start + np.arange(-1, WINDOW), side="right")
        places = np.concatenate([[(0.0, 0.0)], [place for _, place in looks]]) * GAZE
        held = places[before]
        return np.asarray((held[1:] + held[:-1]) / 2, np.float32)


class _Events:
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
        while self._at < start + 2 * WINDOW:
            across, down = np.clip(self._rng.standard_normal(2), -2, 2)
            self._events.append((self._at, (float(across), float(down))))
            seconds = self._pause[0] * float(np.exp(self._pause[1] * self._rng.standard_normal()))
            self._at += max(round(seconds * FRAME_RATE), LEAST_PAUSE)
        while len(self._events) > 2 and self._events[1][0] < start - 2 * WINDOW:
            del self._events[0]
        return self._events


def _smoother(scale: float) -> npt.NDArray[np.float64]:
    """(80, 80 + 2 REACH) that averages white noise over a bell of `scale` frames, to unit variance."""
    offsets = np.arange(-REACH, REACH + 1)
    bell = np.exp(-0.5 * (offsets / scale) ** 2)
    bell /= np.sqrt((bell**2).sum())
    matrix = np.zeros((WINDOW, WINDOW + 2 * REACH))
    for frame in range(WINDOW):
        matrix[frame, frame : frame + len(bell)] = bell
    return matrix
