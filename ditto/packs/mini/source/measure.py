"""Motion read off face landmarks, in the numbers that make the mini pack's face move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ditto.arrays import Floats
from ditto.packs.mini.motion.expression_numbers import FULL_BLINK, METRE, Exp
from ditto.packs.mini.source.template import (
    EYES,
    LINEAR,
    MILLIMETRES,
    Doubles,
    Eye,
    Template,
    angles,
    default_template,
    fit,
    measured,
)

SHUT = 0.10  # lid opening over eye width of a closed eye
OPEN = 0.30  # and of an ordinary open one
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


def canonical(landmarks: Floats, template: Template) -> tuple[Doubles, Doubles, Doubles, Doubles]:
    """(T, 478, 3) without head pose in template units; with the scale, rotation and shift taken off."""
    scale, turn, shift = fit(template.shape, landmarks)
    straight = (np.asarray(landmarks, np.float64) - shift[:, None]) @ turn
    return straight / scale[:, None, None], scale, turn, shift


def measure(landmarks: Floats, template: Template | None = None) -> Measured:
    """What (T, 478, 3) mesh landmarks in pixels show; z is on the scale of x."""
    template = template or default_template()
    face, scale, turn, shift = canonical(landmarks, template)
    expression = np.zeros((len(face), 63))
    expression[:, list(LINEAR)] = measured(face - template.shape)
    expression[:, Exp.GAP] = lip_gap(face)
    for eye, gaze, blink in zip(EYES, GAZE, BLINK, strict=True):
        corners = (face[:, eye.upper[0]] + face[:, eye.upper[-1]]) / 2
        expression[:, list(gaze)] = (face[:, eye.iris[0]] - corners)[:, :2] * MILLIMETRES
        expression[:, blink] = FULL_BLINK * (OPEN - lid_opening(face, eye)) / (OPEN - SHUT)
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


def lid_opening(face: Doubles, eye: Eye) -> Doubles:
    """(T,) height of an eye over its width."""
    upper, lower = face[:, list(eye.upper[2:7])], face[:, list(eye.lower[2:7])]
    width = np.linalg.norm(face[:, eye.upper[0]] - face[:, eye.upper[-1]], axis=-1)
    return np.asarray(np.linalg.norm(upper - lower, axis=-1).mean(-1) / width)
