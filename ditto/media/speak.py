"""A voice for text, by the optional speech synthesiser."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile

from cfg.errors import MediaError
from cfg.install_hints import installing
from ditto.arrays import Floats
from ditto.media.sound import Resampler, Sound, sound_of

SPOKEN_RATE = 24_000


class Synthesiser(Protocol):
    """English text to samples at SPOKEN_RATE, whole or sentence by sentence."""

    def __call__(self, text: str, *, seed: int) -> object: ...

    def stream(self, text: str, *, seed: int) -> Iterable[object]: ...


def synthesiser() -> Synthesiser:
    """The optional speech synthesiser, loaded."""
    try:
        hibari = import_module("hibari")
    except ImportError as error:
        raise MediaError(f"saying text needs a speech synthesiser: {installing('tts')}") from error
    made: Synthesiser = hibari.Hibari()
    return made


def speaker(rate: int, seed: int = 0) -> Callable[[str], Iterator[Floats]]:
    """Says text sentence by sentence, each as soon as it is made, at `rate` samples a second."""
    voice, lock = synthesiser(), threading.Lock()

    def said(text: str) -> Iterator[Floats]:
        resampler = Resampler(SPOKEN_RATE, rate)
        sentences = iter(voice.stream(text, seed=seed))
        heard = False
        while True:
            with lock:  # the synthesiser may say one thing at a time
                sentence = next(sentences, None)
            if sentence is None:
                break
            samples = np.asarray(sentence, np.float32)
            heard = heard or len(samples) > 0
            yield resampler.push(samples)
        if not heard:
            raise unpronounceable(text)
        yield resampler.flush()

    return said


def unpronounceable(text: str) -> MediaError:
    return MediaError(f"nothing to pronounce in {text[:40]!r}; give words in English")


def speak(text: str, path: str | Path | None = None, seed: int = 0) -> Sound:
    """English text as spoken sound; with a path, also kept there as WAV, FLAC or OGG."""
    if not text.strip():
        raise MediaError("there is no text to say; give at least one word")
    samples = np.asarray(synthesiser()(text, seed=seed), np.float32)
    if not len(samples):
        raise unpronounceable(text)
    if path is not None:
        try:
            soundfile.write(path, samples, SPOKEN_RATE)
        except (soundfile.LibsndfileError, OSError, ValueError, TypeError) as error:
            raise MediaError(f"{path}: the speech cannot be written: {error}") from error
    return sound_of(samples, SPOKEN_RATE)
