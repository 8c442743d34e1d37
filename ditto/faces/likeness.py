"""Decides whether a detection is a human face, and whether its mouth can be made out."""

from __future__ import annotations

from dataclasses import dataclass

# Measured on some 480 faces of people, painted, drawn and carved ones among them, and 400 pictures of
# animals: no person that faces the camera is refused, three animals pass.
MIN_CERTAINTY = 0.6  # certainty below which nothing else helps
SURE_CERTAINTY = 0.82  # certainty below which the detector alone would doubt
MAX_HUMAN_WANDER = 0.0092  # wander above which an unsure face is not a human one
MAX_STEADY_WANDER = 0.0075  # wander above which something is likely to be in front of the mouth


@dataclass(frozen=True, slots=True)
class Likeness:
    """Likeness of something to a human face.

    One of the two may be poor in a person: a drawing is not recognised for sure, and lips behind a
    microphone cannot be placed. Both are poor in an animal.
    """

    certainty: float  # 0..1, of the detector seen close
    wander: float  # of the face's size: how far its lips move between slightly different views

    @property
    def human(self) -> bool:
        return self.certainty >= SURE_CERTAINTY or (
            self.certainty >= MIN_CERTAINTY and self.wander <= MAX_HUMAN_WANDER
        )

    @property
    def mouth_hidden(self) -> bool:
        """Whether a hand, a mask or a microphone seems to be in front of the mouth."""
        return self.wander > MAX_STEADY_WANDER
