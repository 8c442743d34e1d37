"""Scales generated motion: larger, smaller, calmer, or closer to the portrait, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ditto.arrays import Floats
from ditto.motion.vector import EXPRESSION, LENGTH, PLACES
from ditto.stages.messages import Motion

SETTLING_FRAMES = 37  # frames over which it is judged where head and face come to rest: 1.5 s
HEAD_PARTS = ("pitch", "yaw", "roll", "t", "scale")


@dataclass(frozen=True, slots=True, eq=False)
class FaceRoles:
    """Roles of the 63 numbers of an expression, and the numbers of a face that does nothing."""

    neutral: Floats  # (63,) the face at rest with its lips together
    speech: Floats  # (63,) 1 for lips and brows, whose size may be changed
    habit: Floats  # (63,) 1 where the resting face shows who somebody is
    lids: Floats  # (63,) 1 for what opens and shuts the eyes, where the pack says
    most: Floats  # (63,) an enlarged expression stays below


_NONE = np.zeros(63, np.float32)
NO_ROLES = FaceRoles(_NONE, _NONE, _NONE, _NONE, np.full(63, np.inf, np.float32))


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionScale:
    """Factors on the motion; the defaults change nothing."""

    pitch: float = 1.0  # factors on how far the head strays
    yaw: float = 1.0
    roll: float = 1.0
    shift: float = 1.0
    expression: float = 1.0  # factor on lips and brows
    identity: float = 0.0  # share of the slow part of the motion that is taken back
    own_blinks: bool = True  # no: lids stay open, somebody else moves them


class ScaledMotion:
    """Motion with another size of head and face; one frame out for each frame in."""

    name = "motion_scale"

    def __init__(self, wanted: MotionScale, roles: FaceRoles, zero: Floats | None = None) -> None:
        """`zero` (265,) is the motion that stands for no movement; None takes the first frame's."""
        self._wanted = wanted
        self._zero = zero
        factors = np.ones(LENGTH, np.float32)
        for part in HEAD_PARTS:
            factors[PLACES[part]] = getattr(wanted, part, wanted.shift)
        self._factors = factors
        self._roles = roles
        self._growth = 1 + (wanted.expression - 1) * roles.speech
        kept = np.zeros(LENGTH, np.float32)
        for part in HEAD_PARTS:
            kept[PLACES[part]] = wanted.identity
        kept[EXPRESSION] = wanted.identity * roles.habit
        self._kept = kept
        self._slow = np.zeros(LENGTH, np.float32)  # the slow part of what separates motion from zero

    def process(self, item: Motion) -> Iterator[Motion]:
        if self._zero is None:
            self._zero = item.vector
        zero = self._zero
        moved = item.vector - zero
        self._slow += (moved - self._slow) / SETTLING_FRAMES
        vector = zero + self._factors * (moved - self._kept * self._slow)
        face = self._roles.neutral + (vector[EXPRESSION] - self._roles.neutral) * self._growth
        if self._wanted.expression > 1:
            face = np.minimum(face, self._roles.most)
        if not self._wanted.own_blinks:
            face = np.where(self._roles.lids > 0, self._roles.neutral, face)
        vector[EXPRESSION] = face
        yield Motion(item.turn, item.index, np.asarray(vector, np.float32))

    def flush(self) -> Iterator[Motion]:
        """Nothing is owed: every frame was given at once."""
        return iter(())

    def interrupt(self, turn: int) -> None:
        """Keeps where head and face came to rest, so that neither jumps."""
