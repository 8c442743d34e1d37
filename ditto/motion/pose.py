"""Head angles, keypoints in space, and eyes that keep looking where they looked."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from ditto.arrays import Floats, Numbers
from ditto.motion.angles import Degrees
from ditto.motion.vector import MotionParts, Parts, SourceMotion

LEFT_GAZE = 33  # entries of the expression: image-left eye, x then y
RIGHT_GAZE = 45
GAZE_PER_YAW = 0.26  # gaze units for a degree of head turn
GAZE_PER_PITCH = 0.28
GAZE_UNIT = 0.001  # expression per gaze unit
GAZE_UNIT_TRAILING = 0.0007  # of the eye on the side looked away from


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Head and expression of one frame in readable numbers."""

    pitch: float  # degrees
    yaw: float  # degrees
    roll: float  # degrees
    scale: float
    translation: Floats  # (3,)
    expression: Floats  # (21, 3)


def in_degrees(parts: Parts) -> Parts:
    """The same motion with pitch, yaw and roll in degrees."""
    pitch, yaw, roll = (Degrees(angle.degrees()) for angle in (parts.pitch, parts.yaw, parts.roll))
    return dataclasses.replace(parts, pitch=pitch, yaw=yaw, roll=roll)


def rotation(pitch: Numbers, yaw: Numbers, roll: Numbers) -> Floats:
    """(n, 3, 3) matrices for row vectors, from degrees of shape (n,) or (n, 1)."""
    x, y, z = (np.deg2rad(np.asarray(angle, np.float64).reshape(-1)) for angle in (pitch, yaw, roll))
    one, zero = np.ones_like(x), np.zeros_like(x)
    about_x = [[one, zero, zero], [zero, np.cos(x), -np.sin(x)], [zero, np.sin(x), np.cos(x)]]
    about_y = [[np.cos(y), zero, np.sin(y)], [zero, one, zero], [-np.sin(y), zero, np.cos(y)]]
    about_z = [[np.cos(z), -np.sin(z), zero], [np.sin(z), np.cos(z), zero], [zero, zero, one]]
    # rows of the head's axes: the transpose of z · y · x, with the count moved to the front
    turn = np.einsum("abn,bcn,cdn->nda", np.array(about_z), np.array(about_y), np.array(about_x))
    return np.asarray(turn, np.float32)


def keypoints(parts: SourceMotion) -> Floats:
    """(n, 21, 3): scale · (canonical · R + expression) + translation in x and y."""
    turn = rotation(parts.pitch.degrees(), parts.yaw.degrees(), parts.roll.degrees())
    n = parts.kp.shape[0]
    shape = parts.kp.reshape(n, -1, 3) @ turn + parts.exp.reshape(n, -1, 3)
    placed = np.asarray(shape * parts.scale.reshape(n, 1, 1), np.float32)
    placed[:, :, :2] += parts.t.reshape(n, 1, 3)[:, :, :2]
    return placed


def placement(parts: MotionParts) -> Placement:
    """The motion of one frame in readable numbers."""
    pitch, yaw, roll = (float(angle.degrees()[0]) for angle in (parts.pitch, parts.yaw, parts.roll))
    translation, expression = parts.t.reshape(3), parts.exp.reshape(21, 3)
    return Placement(pitch, yaw, roll, float(parts.scale.reshape(())), translation, expression)


def shift_gaze(expression: Floats, dx: float, dy: float) -> Floats:
    """The (1, 63) expression looking `dx` gaze units to image right and `dy` up."""
    left, right = (GAZE_UNIT_TRAILING, GAZE_UNIT) if dx > 0 else (GAZE_UNIT, GAZE_UNIT_TRAILING)
    shifted: Floats = expression.copy()
    shifted[0, LEFT_GAZE] += dx * left
    shifted[0, RIGHT_GAZE] += dx * right
    shifted[0, [LEFT_GAZE + 1, RIGHT_GAZE + 1]] -= dy * GAZE_UNIT
    return shifted


def hold_gaze(parts: Parts, rest: Placement) -> Parts:
    """The motion with the eyes turned against the head's turn away from `rest`."""
    turned = float(parts.yaw.degrees()[0]) - rest.yaw
    nodded = float(parts.pitch.degrees()[0]) - rest.pitch
    gaze = shift_gaze(parts.exp, turned * GAZE_PER_YAW, nodded * GAZE_PER_PITCH)
    return dataclasses.replace(parts, exp=gaze)
