"""The motion of a head, by the names of its parts and as one vector.

A vector is scale - 1, pitch, yaw and roll in 66 bins each, translation and expression: 265 numbers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ditto.arrays import Floats
from ditto.motion.angles import Angle, Bins, Degrees, degrees_to_bins

ANGLES = ("pitch", "yaw", "roll")
WIDTHS = {"scale": 1, "pitch": 66, "yaw": 66, "roll": 66, "t": 3, "exp": 63, "kp": 63}
MOVING = ("scale", "pitch", "yaw", "roll", "t", "exp")  # all but the identity
LIP_KEYPOINTS = (6, 12, 14, 17, 19, 20)  # of the 21
EYE_KEYPOINTS = (11, 13, 15, 16, 18)
LENGTH = sum(WIDTHS[part] for part in MOVING)  # 265


def _layout() -> dict[str, slice]:
    places, start = {}, 0
    for part in MOVING:
        places[part] = slice(start, start + WIDTHS[part])
        start += WIDTHS[part]
    return places


PLACES: Mapping[str, slice] = _layout()
EXPRESSION = PLACES["exp"]
TRANSLATION = PLACES["t"]


@dataclass(frozen=True, slots=True, eq=False)
class MotionParts:
    """Size, pose and expression of a head."""

    scale: Floats  # (1, 1)
    pitch: Angle
    yaw: Angle
    roll: Angle
    t: Floats  # (1, 3) translation; z has no effect
    exp: Floats  # (1, 63) expression: offsets of the 21 keypoints


@dataclass(frozen=True, slots=True, eq=False)
class SourceMotion(MotionParts):
    """The same of somebody: the motion of a portrait, or of what is made of it."""

    kp: Floats  # (1, 63) canonical keypoints, the identity


Part = Floats | Angle
Parts = TypeVar("Parts", bound=MotionParts)


def part(parts: MotionParts, name: str) -> Part:
    """The part of a name, as users give names."""
    found: Part = getattr(parts, name)
    return found


def with_parts(parts: Parts, changed: Mapping[str, Part]) -> Parts:
    """The same with other parts under the names given."""
    replace: Callable[..., Parts] = dataclasses.replace
    return replace(parts, **changed)


def array(value: Part) -> Floats:
    """The numbers of a part."""
    return value.values if isinstance(value, (Bins, Degrees)) else value


def computed(compute: Callable[..., Floats], *values: Part) -> Part:
    """Result of `compute` on the numbers of one part of several motions.

    Degrees broadcast against logits, as the reference has it; the result are logits.
    """
    result = compute(*map(array, values))
    kinds = {type(value) for value in values}
    if Bins in kinds:
        return Bins(result)
    return Degrees(result) if Degrees in kinds else result


def named_arrays(parts: MotionParts) -> dict[str, Floats]:
    """The numbers of every part by its name, to be kept in a file."""
    return {field.name: array(part(parts, field.name)) for field in dataclasses.fields(parts)}


def source_motion(arrays: Mapping[str, Floats]) -> SourceMotion:
    """The motion of a portrait from arrays by name, the angles logits; KeyError names one that is missing."""
    make: Callable[..., SourceMotion] = SourceMotion
    return make(**{name: Bins(arrays[name]) if name in ANGLES else arrays[name] for name in WIDTHS})


def resting_motion() -> SourceMotion:
    """The motion of a head that faces the camera and does nothing."""
    level = Bins(degrees_to_bins(np.zeros(1, np.float32)))
    one, nothing = np.ones((1, 1), np.float32), np.zeros((1, 63), np.float32)
    return SourceMotion(one, level, level, level, np.zeros((1, 3), np.float32), nothing, nothing)


def to_vector(parts: MotionParts) -> Floats:
    """(265,) of a motion whose angles are logits."""
    rows = [np.ravel(array(part(parts, name))) for name in MOVING]
    vector = np.concatenate(rows).astype(np.float32)
    vector[0] -= 1
    return vector


def from_vector(vector: Floats) -> MotionParts:
    """The motion of (265,) numbers; new arrays."""
    row = np.array(vector, np.float32)[None]
    row[:, 0] += 1
    scale, pitch, yaw, roll, t, exp = (row[:, place] for place in PLACES.values())
    return MotionParts(scale, Bins(pitch), Bins(yaw), Bins(roll), t, exp)
