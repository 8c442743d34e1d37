"""Sampler of the built-in pack: lips read from the voice, everything else from a seeded process."""

from __future__ import annotations

import numpy as np

from ditto.arrays import Floats
from ditto.motion.angles import bins_to_degrees, degrees_to_bins
from ditto.motion.vector import EXPRESSION, LENGTH, PLACES, TRANSLATION
from ditto.packs.mini.motion.emotions import EMOTION_COUNT, add_emotions
from ditto.packs.mini.motion.expression_numbers import FULL_BLINK, METRE, OPENS, Exp
from ditto.packs.mini.motion.idle import BLINK_SHAPE, WINDOW_FRAMES, Idle
from ditto.packs.mini.motion.lip_readout import CHANNELS, Readout
from ditto.packs.mini.motion.silence import Silence

IDLE_SHARE = 0.45  # part of the movement that is left when nobody speaks
CARRY_HEAD, CARRY_FACE = 12.0, 3.0  # frames in which the pose before an utterance is left
SHUT_FRAMES = 3  # in which a mouth that was interrupted closes


class MiniSampler:
    """Motion of one session; windows must be asked for in order, `overlap` frames shared.

    Online the shared frames but the last are those of a window before and are not made again: the
    first one made stands for them.

    A new generator begins a new utterance: the processes go on, and the face moves from where the
    one before left it.
    """

    window = WINDOW_FRAMES

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
        self._advance = WINDOW_FRAMES - overlap
        self._lead = overlap if online else 0
        self._emotion = emotion
        self._loudness = loudness
        self._rng: np.random.Generator | None = None  # of the present utterance
        self._idle: Idle | None = None
        self._start = 0  # number of the next window's first frame
        self._anchor = 0  # number of the utterance's first frame
        self._carried = np.zeros(LENGTH, np.float32)  # what the utterance has to leave behind
        self._shuts = False  # whether the utterance begins in silence, after another
        self._silence = Silence()

    def sample(self, previous: Floats, conditions: Floats, rng: np.random.Generator) -> Floats:
        if self._idle is None:
            self._idle = Idle(int(rng.integers(2**62)))
        begins = rng is not self._rng
        if begins:
            self._rng = rng
            self._anchor = self._start + self._lead
            self._silence = Silence()
        first = 0 if begins or not self._lead else self._lead - 1
        made = self._make(self._idle, conditions[first:], self._start + first)
        if begins:
            self._carried = previous - made[self._lead]
            self._shuts = self._start > 0 and self._silence.shut(self._anchor)[0] == 1
        made = made + self._carried * self._left(self._start + first, len(made))
        frames = np.concatenate([np.repeat(made[:1], first, axis=0), made])
        frames[:, EXPRESSION.start + Exp.GAP] = np.maximum(frames[:, EXPRESSION.start + Exp.GAP], 0)
        self._start += self._advance
        return np.asarray(frames, np.float32)

    def ended(self, frames: Floats, count: int) -> Floats:
        """The last of an utterance's `count` frames, eyes kept open for a blink that they would cut.

        Of a stream that is seen as it is made, one that has begun already is cut.
        """
        end = self._anchor + count
        first = end - len(frames)
        cut = None if self._idle is None else self._idle.blink_cut(end)
        if cut is None or cut < first:
            return frames
        lids = [PLACES["exp"].start + place for place in (Exp.BLINK_LEFT, Exp.BLINK_RIGHT)]
        frames, begun, shut = frames.copy(), BLINK_SHAPE[0], FULL_BLINK * METRE
        at_rest = self._source[lids]
        frames[cut - first :, lids] = (frames[cut - first, lids] - begun * (shut + at_rest)) / (1 - begun)
        return frames

    def _left(self, start: int, count: int) -> Floats:
        """(count, 265) how much is left in each frame of what was carried into the utterance."""
        age = np.maximum(start + np.arange(count) - self._anchor, 0)[:, None]
        left = np.repeat(np.exp(-age / CARRY_HEAD), LENGTH, axis=1)
        left[:, EXPRESSION] = (
            np.maximum(1 - (age + 1) / SHUT_FRAMES, 0) if self._shuts else np.exp(-age / CARRY_FACE)
        )
        return np.asarray(left, np.float32)

    def _make(self, idle: Idle, conditions: Floats, start: int) -> Floats:
        """(n, 265) the motion of as many frames as there are conditions."""
        count = len(conditions)
        rows, feelings = conditions, None
        if self._emotion:
            rows, feelings = conditions[:, :-EMOTION_COUNT], conditions[:, -EMOTION_COUNT:]
        loud = np.ones(len(rows), np.bool_)
        if self._loudness:
            rows, loud = rows[:, :-1], rows[:, -1] > 0
        lips, speaks = self._readout(rows)
        speaks &= loud
        self._silence.hear(speaks, start)
        shut = self._silence.shut(start)[:, None]
        lively = self._silence.lively(start)[:, None]
        wander = idle.wander(start, count) * (IDLE_SHARE + (1 - IDLE_SHARE) * lively)

        face = np.zeros((count, 63), np.float32)  # millimetres
        face[:, list(CHANNELS)] = lips * (1 - shut)
        face[:, [Exp.BROW_IN, Exp.BROW_OUT]] = wander[:, 6:7] + wander[:, 7:8] * np.array([1, -1], np.float32)
        if feelings is not None:
            add_emotions(face, feelings, shut[:, 0])
        gaze = idle.gaze(start, count)
        face[:, [Exp.GAZE_X_LEFT, Exp.GAZE_Y_LEFT]] += gaze
        face[:, [Exp.GAZE_X_RIGHT, Exp.GAZE_Y_RIGHT]] += gaze
        lids = [Exp.BLINK_LEFT, Exp.BLINK_RIGHT]
        blink = idle.blink(start, count)[:, None]
        face[:, lids] = face[:, lids] * (1 - blink) + FULL_BLINK * blink

        frames = np.repeat(self._source[None], count, axis=0)
        frames[:, EXPRESSION] = self._rest() + face * np.float32(METRE)
        for part, name in enumerate(("pitch", "yaw", "roll")):
            degrees = wander[:, part] + np.float32(self._source_degrees[part])
            if name == "pitch":
                degrees = degrees + idle.breath(start, count)
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
