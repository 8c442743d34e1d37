"""From what is said on a command line to the values that settings have."""

from __future__ import annotations

from cfg.errors import ConfigError
from ditto.motion.emotion import emotion_rows


def emotion(text: str) -> object:
    """A label or a list of labels to blend."""
    labels = [int(part) if part.strip().isdecimal() else part.strip() for part in text.split(",")]
    said = labels[0] if len(labels) == 1 else labels
    try:
        emotion_rows(said)
    except ConfigError as error:
        raise ConfigError(f"--emotion {text}: {error}") from error
    return said


def pixels(text: str) -> int:
    """A number of pixels; 0 for 'source'."""
    if text == "source":
        return 0
    if not text.isascii() or not text.isdecimal() or len(text) > 6 or int(text) == 0:
        raise ConfigError(f"--size is '{text}', but must be a number of pixels from 64 to 8192, or 'source'")
    return int(text)
