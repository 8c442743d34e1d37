"""Reactions of a listening face: nods and brows at the ends of phrases."""

from __future__ import annotations

import random
from collections.abc import Callable

from stream_pipeline.live.listening import Heard, PhraseEnds, VoiceBegins, VoiceEnds

NOD_SHARE, BROWS_SHARE = 0.75, 0.3  # of phrase ends that are nodded at; at which the brows rise
WELCOME_STRENGTH = 0.5

Gesture = Callable[[str, float], None]  # name and strength


class Reactions:
    """Gestures that answer what is heard, from a seed."""

    def __init__(self, gesture: Gesture, seed: int) -> None:
        self._gesture = gesture
        self._rng = random.Random(seed)

    def to(self, heard: Heard) -> None:
        """Answers what was heard, or does nothing."""
        if isinstance(heard, VoiceBegins):
            self._gesture("raise_brows", WELCOME_STRENGTH * self._rng.uniform(0.6, 1.0))
        elif isinstance(heard, PhraseEnds):
            if self._rng.random() < NOD_SHARE:
                self._gesture("nod", self._rng.uniform(0.4, 0.8))
            if self._rng.random() < BROWS_SHARE:
                self._gesture("raise_brows", self._rng.uniform(0.4, 0.7))
        elif isinstance(heard, VoiceEnds) and heard.seconds > 2.0:
            self._gesture("nod", self._rng.uniform(0.5, 0.8))
