"""A voice for text, by the optional speech synthesiser."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import soundfile

from cfg.errors import MediaError
from cfg.installing import installing
from ditto.media.sound import Sound, sound_of

SPOKEN_RATE = 24_000


def speak(text: str, path: str | Path | None = None, seed: int = 0) -> Sound:
    """English text as spoken sound; with a path, also kept there as WAV, FLAC or OGG."""
    if not text.strip():
        raise MediaError("there is no text to say; give at least one word")
    try:
        hibari = import_module("hibari")
    except ImportError as error:
        raise MediaError(f"saying text needs a speech synthesiser: {installing('tts')}") from error
    samples = np.asarray(hibari.Hibari()(text, seed=seed), np.float32)
    if not len(samples):
        raise MediaError(f"nothing to pronounce in {text[:40]!r}; give words in English")
    if path is not None:
        try:
            soundfile.write(path, samples, SPOKEN_RATE)
        except (soundfile.LibsndfileError, OSError, ValueError, TypeError) as error:
            raise MediaError(f"{path}: the speech cannot be written: {error}") from error
    return sound_of(samples, SPOKEN_RATE)
