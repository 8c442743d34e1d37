"""Stage 3: speech features joined with emotion, eyes and identity."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from cfg.errors import ConfigError
from cfg.settings import EMOTIONS
from ditto.arrays import Floats
from ditto.motion.emotion import emotion_rows
from ditto.motion.frame_order import mirror_index
from ditto.motion.mood import Mood
from ditto.stages.messages import Conditions, Features

Eyes = Callable[[int], tuple[Floats, Floats]]  # output frame -> openness (2,), gaze (6,)


def eyes_of(eye_open: Floats, eye_ball: Floats, first_only: bool = False) -> Eyes:
    """The eyes of a source measured before: (n, 2) and (n, 6) rows, back and forth."""

    def at(index: int) -> tuple[Floats, Floats]:
        opened, looking = (0, 0) if first_only else (mirror_index(index, len(rows)) for rows in pair)
        return eye_open[opened], eye_ball[looking]

    pair = (eye_open, eye_ball)
    return at


class ConditionHandler:
    """Rows of features extended by emotion (8), eye openness (2), gaze (6) and identity (63)."""

    def __init__(
        self,
        canonical: Floats,
        eyes: Eyes,
        emotion: object = 4,
        *,
        use_emo: bool = True,
        use_sc: bool = True,
        use_eye_open: bool = True,
        use_eye_ball: bool = True,
        mood: Mood | None = None,
    ) -> None:
        """`canonical`: the 63 numbers of the face at rest; `emotion`: as `emotion_rows` takes it.

        `mood` leads from that emotion to others, by frame.
        """
        self._canonical = canonical.reshape(-1)
        self._eyes = eyes
        self._emotion = emotion_rows(emotion)
        self._mood = mood
        self._use_emo = use_emo
        self._use_sc = use_sc
        self._use_eye_open = use_eye_open
        self._use_eye_ball = use_eye_ball

    def feel(self, emotion: object) -> None:
        """Rows joined from now on have this emotion."""
        self._emotion = emotion_rows(emotion)

    def join(self, features: Floats, index: int, emotion: object = None) -> Floats:
        """(n, C) features of the frames from `index` on -> (n, C + what is used).

        Frames before the first count as the first. An emotion over time starts again at its end;
        one given here is for these rows alone and has to be one row, or enough of them.
        """
        count = len(features)
        frames = [max(frame, 0) for frame in range(index, index + count)]
        joined = [features]
        if self._use_emo:
            joined.append(self._emotion_of(frames) if emotion is None else _stretched(emotion, count))
        if self._use_eye_open or self._use_eye_ball:
            eyes = [self._eyes(frame) for frame in frames]
            if self._use_eye_open:
                joined.append(np.array([opened for opened, _ in eyes], np.float32).reshape(count, 2))
            if self._use_eye_ball:
                joined.append(np.array([gaze for _, gaze in eyes], np.float32).reshape(count, 6))
        if self._use_sc:
            joined.append(np.tile(self._canonical, (count, 1)))
        return np.concatenate(joined, axis=1, dtype=np.float32)

    def _emotion_of(self, frames: Sequence[int]) -> Floats:
        rows = self._emotion
        usual = rows[[frame % len(rows) for frame in frames]]
        if self._mood is None:
            return usual
        felt = [self._mood.at(frame, row) for frame, row in zip(frames, usual, strict=True)]
        return np.array(felt, np.float32).reshape(-1, len(EMOTIONS))


def _stretched(emotion: object, count: int) -> Floats:
    rows = emotion_rows(emotion)
    if len(rows) == 1:
        return np.repeat(rows, count, axis=0)
    if len(rows) < count:
        raise ConfigError(
            f"{len(rows)} emotions were given for {count} frames; give one, or at least {count}"
        )
    return rows[:count]


class Condition:
    """Tells the motion model everything it is told beside the voice."""

    name = "condition"

    def __init__(self, handler: ConditionHandler) -> None:
        self._handler = handler

    def feel(self, emotion: object) -> None:
        """The next features have this emotion; may be called from any thread."""
        self._handler.feel(emotion)

    def process(self, item: Features) -> Iterator[Conditions]:
        if len(item.rows):
            yield Conditions(item.turn, item.index, self._handler.join(item.rows, item.index))

    def flush(self) -> Iterator[Conditions]:
        """Nothing is owed: every row was joined at once."""
        return iter(())

    def interrupt(self, turn: int) -> None:
        """Nothing is remembered of an utterance."""
