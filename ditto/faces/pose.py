"""Head pose, eyelids and lip gap read off the 478 landmarks of the face mesh."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from cfg.errors import ModelError
from ditto import bundled
from ditto.arrays import Floats
from ditto.faces.topology import EYES, MILLIMETRES, POINTS, STABLE, Eye

Doubles = npt.NDArray[np.float64]

SHUT_LID = 0.10  # lid opening over eye width of a closed eye
OPEN_LID = 0.30  # and of an ordinary open one


@lru_cache(maxsize=1)
def average_face() -> Floats:
    """(478, 3) the average face: x right, y down, z away from the camera; 1 between outer eye corners."""
    path = bundled.path("template.npz")
    try:
        with np.load(path, allow_pickle=False) as stored:
            shape = np.asarray(stored["shape"], np.float32)
    except (OSError, KeyError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read as a face ({error}); install the package again") from error
    if shape.shape != (POINTS, 3):
        raise ModelError(f"{path}: a face of shape {shape.shape}; install the package again")
    return shape


def canonical(landmarks: Floats, average: Floats) -> tuple[Doubles, Doubles, Doubles, Doubles]:
    """(T, 478, 3) without head pose in units of the average; with the scale, rotation and shift taken off."""
    scale, turn, shift = fit(average, landmarks)
    straight = (np.asarray(landmarks, np.float64) - shift[:, None]) @ turn
    return straight / scale[:, None, None], scale, turn, shift


def closed_lids(face: Doubles) -> Doubles:
    """(T, 2) share of each eye that is closed in (T, 478, 3) pose-free faces, image-left first."""
    opening = np.stack([lid_opening(face, eye) for eye in EYES], axis=-1)
    return np.asarray((OPEN_LID - opening) / (OPEN_LID - SHUT_LID))


def lip_gap(face: Doubles) -> Doubles:
    """(T,) millimetres between the inner lips of (T, 478, 3) pose-free faces; 0 where they cross."""
    return np.asarray(np.maximum(face[:, 14, 1] - face[:, 13, 1], 0) * MILLIMETRES)


def lid_opening(face: Doubles, eye: Eye) -> Doubles:
    """(T,) height of an eye over its width."""
    upper, lower = face[:, list(eye.upper[2:7])], face[:, list(eye.lower[2:7])]
    width = np.linalg.norm(face[:, eye.upper[0]] - face[:, eye.upper[-1]], axis=-1)
    return np.asarray(np.linalg.norm(upper - lower, axis=-1).mean(-1) / width)


def fit(shape: npt.NDArray[np.generic], points: npt.NDArray[np.generic]) -> tuple[Doubles, Doubles, Doubles]:
    """Scale (T,), rotation (T, 3, 3) and shift (T, 3) that lay `shape` on (T, 478, 3) `points`.

    A point p of the shape lands on scale · rotation · p + shift; only the points that speech and
    expression leave alone are asked.
    """
    chosen = list(STABLE)
    a = np.asarray(shape, np.float64)[chosen]
    b = np.asarray(points, np.float64)[:, chosen]
    middle, middles = a.mean(0), b.mean(1)
    a = a - middle
    u, s, vt = np.linalg.svd(np.einsum("ki,tkj->tij", a, b - middles[:, None]))
    signs = np.ones_like(s)
    signs[:, 2] = np.sign(np.linalg.det(u @ vt))
    turn = np.transpose((u * signs[:, None, :]) @ vt, (0, 2, 1))
    scale = (s * signs).sum(-1) / (a**2).sum()
    return scale, turn, middles - scale[:, None] * (turn @ middle)


def angles(turn: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """Pitch, yaw and roll in degrees of (T, 3, 3) rotations z · y · x."""
    pitch = np.arctan2(turn[:, 2, 1], turn[:, 2, 2])
    yaw = np.arcsin(np.clip(-turn[:, 2, 0], -1, 1))
    roll = np.arctan2(turn[:, 1, 0], turn[:, 0, 0])
    return np.degrees(pitch), np.degrees(yaw), np.degrees(roll)
