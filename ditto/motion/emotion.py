"""Emotions by name, number or strength, as the eight weights that condition motion models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cfg.errors import ConfigError, did_you_mean
from cfg.settings import EMOTIONS
from ditto.arrays import Floats

LABEL_LOGIT = 8.0  # height of a chosen label before the softmax


def emotion_weights(labels: Sequence[int]) -> Floats:
    """(8,) shares of the emotions, nearly all of it spread evenly over the labels."""
    heights = np.zeros(len(EMOTIONS), np.float32)
    heights[list(labels)] = LABEL_LOGIT
    raised = np.exp(heights - heights.max())
    return np.asarray(raised / raised.sum(), np.float32)


def emotion_label(given: object) -> int:
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


def blended(entries: Sequence[object]) -> Floats:
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


def _strength(entry: object, text: str) -> float:
    try:
        strength = float(text)
    except ValueError:
        strength = -1.0
    if not 0 <= strength <= 1:
        raise ConfigError(f"'{entry}': the strength of an emotion must be a number from 0 to 1")
    return strength


def emotion_rows(given: object) -> Floats:
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


def _one_frame(given: object) -> Floats:
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
