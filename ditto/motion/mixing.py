"""Arithmetic of one driven frame: whose motion counts where, controls, fades. Nothing is edited."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

from ditto.arrays import Floats
from ditto.motion.angles import Angle, Degrees
from ditto.motion.controls import Controls
from ditto.motion.face_movements import FaceRows, express
from ditto.motion.pose import Placement, in_degrees
from ditto.motion.vector import (
    EYE_KEYPOINTS,
    LIP_KEYPOINTS,
    MotionParts,
    Part,
    SourceMotion,
    computed,
    part,
    with_parts,
)


def _mask(keypoints: Iterable[int]) -> Floats:
    mask = np.zeros((21, 3), np.float32)
    mask[list(keypoints)] = 1
    return mask.reshape(1, 63)


LIP_MASK = _mask(LIP_KEYPOINTS)
EYE_MASK = _mask(EYE_KEYPOINTS)
WHOLE_FACE = _mask(range(21))


def mix_difference(
    rest: SourceMotion, motion: MotionParts, anchor: MotionParts, factors: Mapping[str, float]
) -> SourceMotion:
    """The portrait moved by `factor` times what separates the motion from its anchor."""

    def moved(name: str, factor: np.float32) -> Part:
        three = (part(parts, name) for parts in (rest, motion, anchor))
        return computed(lambda rest, motion, anchor: rest + (motion - anchor) * factor, *three)

    return with_parts(rest, {name: moved(name, np.float32(factor)) for name, factor in factors.items()})


def blend(towards: Floats, driven: Floats, alpha: float) -> Floats:
    """`driven` at alpha 1, `towards` at 0."""
    return np.asarray(driven * np.float32(alpha) + towards * np.float32(1 - alpha), np.float32)


def fade_expression(rest: SourceMotion, driven: SourceMotion, alpha: float, mask: Floats) -> SourceMotion:
    """The driven expression faded to the portrait's at the keypoints of `mask`."""
    faded = blend(rest.exp, driven.exp, alpha)
    return dataclasses.replace(driven, exp=faded * mask + driven.exp * (1 - mask))


def fade(target: SourceMotion, driven: SourceMotion, alpha: float, names: Iterable[str]) -> SourceMotion:
    """The named parts faded to the target's."""

    def faded(name: str) -> Part:
        two = (part(parts, name) for parts in (target, driven))
        return computed(lambda target, driven: blend(target, driven, alpha), *two)

    return with_parts(driven, {name: faded(name) for name in names})


def control(rest: SourceMotion, driven: SourceMotion, controls: Controls, face: FaceRows) -> SourceMotion:
    """Offsets added, then factors applied."""
    scale, t, exp = driven.scale, driven.t, driven.exp
    if controls.alpha_scale is not None:
        scale = scale * np.float32(controls.alpha_scale)
    if controls.delta_t is not None:
        t = t + controls.delta_t
    if controls.alpha_exp is not None:
        exp = blend(rest.exp, exp, controls.alpha_exp)
    if controls.delta_exp is not None:
        exp = exp + controls.delta_exp
    if controls.delta_eye is not None:
        exp = exp + controls.delta_eye * EYE_MASK
    return dataclasses.replace(
        driven,
        scale=scale,
        pitch=turned(driven.pitch, controls.delta_pitch, controls.alpha_pitch),
        yaw=turned(driven.yaw, controls.delta_yaw, controls.alpha_yaw),
        roll=turned(driven.roll, controls.delta_roll, controls.alpha_roll),
        t=t,
        exp=express(rest.exp, exp, controls, face),
    )


def turned(angle: Angle, delta: float | None, factor: float | None) -> Angle:
    """An angle moved by degrees, which makes degrees of logits, then times a factor of its numbers."""
    if delta is not None:
        angle = Degrees(angle.degrees() + np.float32(delta))
    return angle if factor is None else dataclasses.replace(angle, values=angle.values * np.float32(factor))


class Mixing:
    """Choices in putting motion on a portrait that the reference makes otherwise."""

    silenced = LIP_MASK  # (1, 63) share of the expression that `vad_alpha` fades

    def controllable(self, motion: SourceMotion) -> SourceMotion:
        """The motion with its angles as controls and fades act on them."""
        return in_degrees(motion)

    def absolute(self, rest: SourceMotion, motion: MotionParts, factors: Mapping[str, float]) -> SourceMotion:
        """The portrait with motion that counts from nothing: so much of the way there."""
        return mix_difference(rest, motion, rest, factors)

    def gaze_rest(self, first: Placement, shown: Placement) -> Placement:
        """Placement, of the source's first and shown frame, that a gaze is held against."""
        return shown


OURS = Mixing()
