"""Motion read off face landmarks, in the numbers that make the mini pack's face move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ditto.arrays import Floats, Numbers
from ditto.faces.pose import Doubles, angles, canonical, closed_lids, lip_gap
from ditto.faces.topology import EYES, MILLIMETRES
from ditto.packs.mini.motion.expression_numbers import FULL_BLINK, METRE, Exp
from ditto.packs.mini.source.template import LINEAR, Template, default_template

CHIN_POINTS = (152, 148, 377)
GAZE_NUMBERS = ((Exp.GAZE_X_LEFT, Exp.GAZE_Y_LEFT), (Exp.GAZE_X_RIGHT, Exp.GAZE_Y_RIGHT))
BLINK_NUMBERS = (Exp.BLINK_LEFT, Exp.BLINK_RIGHT)


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Head and expression of T frames.

    The gap is absolute. The others count from the average face: subtract a person's own neutral
    before putting them on somebody else.
    """

    pitch: Floats  # (T,) degrees
    yaw: Floats  # (T,) degrees
    roll: Floats  # (T,) degrees
    translation: Floats  # (T, 3) pixels: where the middle of the head is
    scale: Floats  # (T,) pixels for a metre
    expression: Floats  # (T, 63)


def measure(landmarks: Floats, template: Template | None = None) -> Measured:
    """Motion in (T, 478, 3) mesh landmarks in pixels; z is on the scale of x."""
    template = template or default_template()
    face, scale, turn, shift = canonical(landmarks, template.shape)
    expression = np.zeros((len(face), 63))
    expression[:, list(LINEAR)] = linear_numbers(face - template.shape)
    expression[:, Exp.GAP] = lip_gap(face)
    expression[:, list(BLINK_NUMBERS)] = FULL_BLINK * closed_lids(face)
    for eye, gaze in zip(EYES, GAZE_NUMBERS, strict=True):
        corners = (face[:, eye.upper[0]] + face[:, eye.upper[-1]]) / 2
        expression[:, list(gaze)] = (face[:, eye.iris[0]] - corners)[:, :2] * MILLIMETRES
    pitch, yaw, roll = (np.asarray(a, np.float32) for a in angles(turn))
    return Measured(
        pitch,
        yaw,
        roll,
        np.asarray(shift, np.float32),
        np.asarray(scale / MILLIMETRES / METRE, np.float32),
        np.asarray(expression * METRE, np.float32),
    )


def linear_numbers(displacement: Numbers) -> Doubles:
    """(..., 478, 3) template units of displacement -> (..., 14) millimetres, in the order of LINEAR."""
    x, y, z = (np.asarray(displacement, np.float64)[..., axis] * MILLIMETRES for axis in range(3))
    chin = y[..., list(CHIN_POINTS)].mean(-1)
    return np.stack(
        [
            chin,
            y[..., 14] - chin,
            y[..., 13],
            x[..., 291] - x[..., 61],
            (y[..., 61] + y[..., 291]) / 2,
            z[..., [13, 14, 0, 17]].mean(-1) - z[..., [61, 291]].mean(-1),
            y[..., 13] - y[..., 0],
            y[..., 17] - y[..., 14],
            y[..., [107, 336]].mean(-1),
            y[..., [70, 300, 105, 334]].mean(-1),
            x[..., 336] - x[..., 107],
            y[..., [129, 358]].mean(-1),
            (y[..., 61] - y[..., 291]) / 2,
            x[..., 152],
        ],
        axis=-1,
    )
