"""Stage 3: what the voice says joined with mood, eyes and identity."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from cfg.errors import ConfigError, did_you_mean
from cfg.settings import EMOTIONS
from ditto.arrays import Floats
from ditto.motion.frame_order import mirror_index
from ditto.motion.mood import Mood
from ditto.stages.messages import Conditions, Features

CONFIDENCE = 8.0  # height of a chosen label before the softmax

Eyes = Callable[[int], tuple[Floats, Floats]]  # output frame -> openness (2,), gaze (6,)


def emotion_weights(labels: Sequence[int]) -> Floats:
    """(8,) shares of the emotions, nearly all of it spread evenly over the labels."""
    heights = np.zeros(len(EMOTIONS), np.float32)
    heights[list(labels)] = CONFIDENCE
    raised = np.exp(heights - heights.max())
    return np.asarray(raised / raised.sum(), np.float32)


def emotion_label(given: Any) -> int:
    """0 to 7, from a number or a name in any case."""
    if isinstance(given, str):
        names = {name.lower(): label for label, name in enumerate(EMOTIONS)}
        if given.strip().lower() not in names:
            raise ConfigError(f"'{given}' is not an emotion{did_you_mean(given.capitalize(), EMOTIONS)}")
        return names[given.strip().lower()]
    if isinstance(given, (int, np.integer)) and not isinstance(given, bool) and 0 <= given < len(EMOTIONS):
        return int(given)
    known = ", ".join(f"{label} {name}" for label, name in enumerate(EMOTIONS))
    raise ConfigError(f"{given!r} is not an emotion; known are: {known}")


def blended(entries: Sequence[Any]) -> Floats:
    """(8,) shares of labels, of which a name may say how strong it is: 'happy:0.6'.

    What the strengths leave to 1 is neutral; where they are more than 1 they count relative to
    each other.
    """
    named = [str(entry).rpartition(":") if ":" in str(entry) else (entry, ":", "1") for entry in entries]
    strengths = [_strength(entry, text) for entry, (_, _, text) in zip(entries, named, strict=True)]
    shares = np.zeros(len(EMOTIONS), np.float32)
    for (label, _, _), strength in zip(named, strengths, strict=True):
        shares += strength * emotion_weights([emotion_label(label)])
    neutral = max(0.0, 1.0 - sum(strengths))
    shares += neutral * emotion_weights([EMOTIONS.index("Neutral")])
    return np.asarray(shares / shares.sum(), np.float32)


def _strength(entry: Any, text: str) -> float:
    try:
        strength = float(text)
    except ValueError:
        strength = -1.0
    if not 0 <= strength <= 1:
        raise ConfigError(f"'{entry}': the strength of an emotion must be a number from 0 to 1")
    return strength


def emotion_rows(given: Any) -> Floats:
    """(n, 8) shares over time, from whatever a user may say.

    A label or name, also with its strength ('happy:0.6'); a list of up to seven of them, blended;
    eight numbers, taken as the shares; a list of any of these or an (n, 8) array, one frame each.
    """
    if isinstance(given, np.ndarray):
        if given.dtype.kind not in "fiu":
            raise ConfigError(f"an emotion array must hold numbers, not {given.dtype}")
        if given.ndim == 2 and given.shape[1] != len(EMOTIONS):
            raise ConfigError(f"an emotion array has shape {given.shape}, but must be (n, {len(EMOTIONS)})")
        given = given.tolist()
    if not isinstance(given, (list, tuple)):
        return _one_frame([given])
    if not given:
        raise ConfigError("the list of emotions is empty")
    if any(isinstance(entry, (list, tuple, np.ndarray)) for entry in given):
        return np.concatenate([_one_frame(entry) for entry in given])
    return _one_frame(given)


def _one_frame(given: Any) -> Floats:
    if isinstance(given, np.ndarray):
        given = given.tolist()
    if not isinstance(given, (list, tuple)):
        given = [given]
    if not given:
        raise ConfigError("a frame's list of emotions is empty")
    if any(isinstance(entry, (list, tuple, np.ndarray)) for entry in given):
        raise ConfigError("emotions are nested too deeply: a list over time holds lists of labels")
    if len(given) == len(EMOTIONS) and not any(isinstance(entry, str) for entry in given):
        shares = np.asarray(given, np.float32)
        if not np.isfinite(shares).all():
            raise ConfigError(f"the emotion's shares are {list(given)}, but must be finite")
        return shares[None]
    if any(isinstance(entry, str) and ":" in entry for entry in given):
        return blended(given)[None]
    return emotion_weights([emotion_label(entry) for entry in given])[None]


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
        emotion: Any = 4,
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

    def feel(self, emotion: Any) -> None:
        """Rows joined from now on have this emotion."""
        self._emotion = emotion_rows(emotion)

    def join(self, features: Floats, index: int, emotion: Any = None) -> Floats:
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


def _stretched(emotion: Any, count: int) -> Floats:
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

    def feel(self, emotion: Any) -> None:
        """The next features have this emotion; may be called from any thread."""
        self._handler.feel(emotion)

    def process(self, item: Features) -> Iterator[Conditions]:
        if len(item.rows):
            yield Conditions(item.turn, item.index, self._handler.join(item.rows, item.index))

    def flush(self) -> Iterator[Conditions]:
        """Nothing is owed: every row was joined at once."""
        return iter(())

    def interrupt(self) -> None:
        """Nothing is remembered of an utterance."""
