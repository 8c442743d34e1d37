"""Motion read off face landmarks, in the numbers that make the mini pack's face move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ditto.arrays import Floats
from ditto.faces.pose import Doubles, angles, canonical, closed_lids
from ditto.faces.topology import EYES, MILLIMETRES
from ditto.packs.mini.motion.expression_numbers import FULL_BLINK, METRE, Exp
from ditto.packs.mini.source.template import LINEAR, Template, default_template, measured

GAZE = ((Exp.GAZE_X_LEFT, Exp.GAZE_Y_LEFT), (Exp.GAZE_X_RIGHT, Exp.GAZE_Y_RIGHT))
BLINK = (Exp.BLINK_LEFT, Exp.BLINK_RIGHT)


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
    """What (T, 478, 3) mesh landmarks in pixels show; z is on the scale of x."""
    template = template or default_template()
    face, scale, turn, shift = canonical(landmarks, template.shape)
    expression = np.zeros((len(face), 63))
    expression[:, list(LINEAR)] = measured(face - template.shape)
    expression[:, Exp.GAP] = lip_gap(face)
    expression[:, list(BLINK)] = FULL_BLINK * closed_lids(face)
    for eye, gaze in zip(EYES, GAZE, strict=True):
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


def lip_gap(face: Doubles) -> Doubles:
    """(T,) millimetres between the inner lips of (T, 478, 3) pose-free faces; 0 where they cross."""
    return np.asarray(np.maximum(face[:, 14, 1] - face[:, 13, 1], 0) * MILLIMETRES)
