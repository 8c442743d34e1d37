"""Reactions of a listening face: eyes on the speaker, nods and brows at the ends of phrases."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from ditto.motion.control_layers import Layer
from ditto.motion.gestures import Gesture
from stream_pipeline.live.listening import Heard, PhraseEnds, VoiceBegins, VoiceEnds

NOD_SHARE, BROWS_SHARE = 0.75, 0.3  # of phrase ends that are nodded at; at which the brows rise
LONG_SPEECH_SECONDS = 2.0  # after which the end is nodded at too
ATTENTION = 0.85  # share of the way to the speaker that the eyes go
RISE_FRAMES, FALL_FRAMES = 2.0, 4.0  # in which they get there, and leave


class Attention:
    """A layer of controls that keeps the eyes on the viewer until it is released."""

    start = 0.0

    def __init__(self) -> None:
        self._asked = 0.0  # frame last asked for
        self._released = math.inf

    @property
    def end(self) -> float:
        return self._released + FALL_FRAMES

    def release(self) -> None:
        """The eyes may wander again."""
        self._released = min(self._released, self._asked + 1)

    def at(self, frame: float) -> dict[str, float]:
        """The controls of frame `frame`."""
        self._asked = frame
        share = min(1.0, (frame + 1) / RISE_FRAMES, max(0.0, (self.end - frame) / FALL_FRAMES))
        return {"gaze_hold": ATTENTION * share, "gaze_yaw": 0.0, "gaze_pitch": 0.0}


class Reactions:
    """Layers of controls that answer what is heard, from a seed."""

    def __init__(self, play: Callable[[Layer], None], seed: int) -> None:
        self._play = play
        self._rng = random.Random(seed)
        self._attention: Attention | None = None

    def to(self, heard: Heard) -> None:
        """Answers what was heard, or does nothing."""
        if isinstance(heard, VoiceBegins):
            self._attend()
            self._gesture("raise_brows", 0.3, 0.5)
        elif isinstance(heard, PhraseEnds):
            if self._rng.random() < NOD_SHARE:
                self._gesture("nod", 0.4, 0.8)
            if self._rng.random() < BROWS_SHARE:
                self._gesture("raise_brows", 0.4, 0.7)
        elif isinstance(heard, VoiceEnds):
            self.relax()
            if heard.seconds > LONG_SPEECH_SECONDS:
                self._gesture("nod", 0.5, 0.8)

    def relax(self) -> None:
        """Nobody is listened to any more."""
        if self._attention is not None:
            self._attention.release()
            self._attention = None

    def _attend(self) -> None:
        self.relax()
        self._attention = Attention()
        self._play(self._attention)

    def _gesture(self, name: str, weakest: float, strongest: float) -> None:
        self._play(Gesture.of(name, 0.0, strength=self._rng.uniform(weakest, strongest)))
