"""Arithmetic of one driven frame: whose motion counts where, controls, fades. Nothing is edited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from ditto.arrays import Floats
from ditto.motion.controls import Controls
from ditto.motion.face_movements import FaceRows, express
from ditto.motion.pose import bins_to_degrees
from ditto.motion.vector import ANGLES, EYE_KEYPOINTS, LIP_KEYPOINTS, Parts


def _mask(keypoints: Iterable[int]) -> Floats:
    mask = np.zeros((21, 3), np.float32)
    mask[list(keypoints)] = 1
    return mask.reshape(1, 63)


LIPS = _mask(LIP_KEYPOINTS)
EYES = _mask(EYE_KEYPOINTS)
WHOLE_FACE = _mask(range(21))


def mix_difference(
    rest: Parts, motion: Parts, anchor: Parts, factors: Mapping[str, float]
) -> dict[str, Floats]:
    """The portrait moved by `factor` times what separates the motion from its anchor."""
    return {**rest, **{p: rest[p] + (motion[p] - anchor[p]) * np.float32(f) for p, f in factors.items()}}


def mix_scaled(rest: Parts, motion: Parts, factors: Mapping[str, float]) -> dict[str, Floats]:
    """The motion itself times its factors, the portrait where a part has none (as the reference does)."""
    return {**rest, **{p: motion[p] * np.float32(f) for p, f in factors.items()}}


def blend(towards: Floats, driven: Floats, alpha: float) -> Floats:
    """`driven` at alpha 1, `towards` at 0; angles in bins and in degrees broadcast."""
    return np.asarray(driven * np.float32(alpha) + towards * np.float32(1 - alpha), np.float32)


def fade_expression(rest: Parts, driven: Parts, alpha: float, mask: Floats) -> dict[str, Floats]:
    """The driven expression faded to the portrait's at the keypoints of `mask`."""
    faded = blend(rest["exp"], driven["exp"], alpha)
    return {**driven, "exp": faded * mask + driven["exp"] * (1 - mask)}


def fade(target: Parts, driven: Parts, alpha: float, parts: Iterable[str]) -> dict[str, Floats]:
    """The named parts faded to the target's."""
    return {**driven, **{part: blend(target[part], driven[part], alpha) for part in parts}}


def control(rest: Parts, driven: Parts, controls: Controls, face: FaceRows) -> dict[str, Floats]:
    """Offsets added, then factors applied; an offset turns an angle in bins into degrees."""
    out = dict(driven)
    for angle in ANGLES:
        delta, alpha = getattr(controls, f"delta_{angle}"), getattr(controls, f"alpha_{angle}")
        if delta is not None:
            out[angle] = bins_to_degrees(out[angle]) + np.float32(delta)
        if alpha is not None:
            out[angle] = out[angle] * np.float32(alpha)
    if controls.alpha_exp is not None:
        out["exp"] = blend(rest["exp"], out["exp"], controls.alpha_exp)
    if controls.delta_exp is not None:
        out["exp"] = out["exp"] + controls.delta_exp
    if controls.delta_eye is not None:
        out["exp"] = out["exp"] + controls.delta_eye * EYES
    out["exp"] = express(rest["exp"], out["exp"], controls, face)
    if controls.delta_t is not None:
        out["t"] = out["t"] + controls.delta_t
    if controls.alpha_scale is not None:
        out["scale"] = out["scale"] * np.float32(controls.alpha_scale)
    return out
