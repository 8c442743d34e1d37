"""Sound that a visitor sends: spoken by the face, or listened to by it."""

from __future__ import annotations

import contextlib
import math
import threading
from collections import deque
from typing import Literal

import numpy as np

from cfg.errors import ConfigError, DittoError
from ditto.arrays import Floats
from ditto.media.sound import Resampler
from ditto.rates import SAMPLE_RATE
from ditto_server.live.limits import Bucket
from ditto_server.live.problems import Problem
from stream_pipeline.live_face import LiveFace

Mode = Literal["off", "through", "to"]
MODES: tuple[Mode, ...] = ("off", "through", "to")
RATES = (8_000, 96_000)  # samples a second
SPEECH_LEVEL = 10 ** (-45 / 20)  # root mean square from which a piece counts as speech
HANGOVER_SECONDS = 0.6  # of quiet after which an utterance is over
PRE_ROLL_SECONDS = 0.1  # of quiet before an utterance that belong to it


class SpeechGate:
    """Cuts a microphone into utterances, so that its silence does not stand in the way of other speech."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._before: deque[Floats] = deque()
        self._quiet = math.inf  # seconds

    @property
    def open(self) -> bool:
        return self._quiet < HANGOVER_SECONDS

    def pass_on(self, samples: Floats) -> Floats:
        """The part of a piece of sound that is to be spoken; empty while nobody speaks."""
        if not len(samples):
            return samples
        was_open = self.open
        loud = float(np.sqrt(np.mean(samples**2))) >= SPEECH_LEVEL
        self._quiet = 0.0 if loud else self._quiet + len(samples) / self._rate
        if was_open:
            return samples
        if loud:
            spoken = np.concatenate([*self._before, samples])
            self._before.clear()
            return spoken
        self._before.append(samples)
        while sum(map(len, self._before)) > PRE_ROLL_SECONDS * self._rate and len(self._before) > 1:
            self._before.popleft()
        return samples[:0]


class Microphone:
    """One way for sound into a face. Its methods may wait for the face: not for the event loop's thread."""

    def __init__(self, face: LiveFace, pace: Bucket, mode: Mode = "off") -> None:
        """`pace` bounds the seconds of sound in a second."""
        self._face = face
        self._pace = pace
        self._mode: Mode = mode
        self._resampler: Resampler | None = None
        self._rate = self._to = 0
        self._gate = SpeechGate(face.rate)
        self._lock = threading.Lock()  # guards all of the above

    @property
    def mode(self) -> Mode:
        return self._mode

    def set(self, mode: object) -> None:
        """Another mode from the next piece on."""
        for known in MODES:
            if mode == known:
                with self._lock:
                    if known != self._mode:
                        self._end()
                    self._mode = known
                return
        raise ConfigError(f"'{mode}' is not a mode of the microphone; known are: {', '.join(MODES)}")

    def hear(self, samples: Floats, rate: int) -> None:
        """(n,) samples in -1..1 as they come."""
        with self._lock:
            self._hear(samples, rate)

    def end_utterance(self) -> None:
        """Ends what it is saying, if the face is still there."""
        with self._lock, contextlib.suppress(DittoError):
            self._end()

    def close(self) -> None:
        """Ends what it is saying, if the face is still there, and hears nothing more."""
        with self._lock:
            with contextlib.suppress(DittoError):
                self._end()
            self._mode = "off"

    def _hear(self, samples: Floats, rate: int) -> None:
        if self._mode == "off":
            return
        if not self._pace.take(len(samples) / rate):
            raise Problem(429, "this is more sound than anybody speaks in that time")
        to = SAMPLE_RATE if self._mode == "to" else self._face.rate
        if self._resampler is None or (rate, to) != (self._rate, self._to):
            self._resampler, self._rate, self._to = Resampler(rate, to), rate, to
        sound = self._resampler.push(samples)
        if self._mode == "to":
            if len(sound):
                self._face.listen(sound)
            return
        was_open = self._gate.open
        spoken = self._gate.pass_on(sound)
        try:
            if len(spoken):
                self._face.push(spoken, timeout=0)
        finally:
            if was_open and not self._gate.open:
                self._face.flush()

    def _end(self) -> None:
        """The utterance is over, if there is one; called with the lock held."""
        speaking = self._mode == "through" and self._gate.open
        self._resampler, self._gate = None, SpeechGate(self._face.rate)
        if speaking:
            self._face.flush()
