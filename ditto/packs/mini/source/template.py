"""The average face: its mesh, which points are what, and how expressions move it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cfg.errors import ModelError
from ditto.arrays import Floats
from ditto.packs.mini import files
from ditto.packs.mini.motion.expression_numbers import Exp

Ints = npt.NDArray[np.int32]
Doubles = npt.NDArray[np.float64]

POINTS = 478  # of the face mesh; the last ten are the irises
MILLIMETRES = 88.0  # one unit of the template: between the outer corners of the eyes

OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
UPPER_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
UPPER_OUTER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LOWER_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
STABLE = (
    10, 67, 297, 109, 338, 151, 9, 8, 168, 6, 197, 195, 5, 4, 33, 133, 362, 263, 127, 356, 234, 454,
    21, 251, 54, 284, 103, 332, 162, 389, 93, 323, 129, 358, 50, 280, 117, 346, 118, 347,
)  # fmt: skip
CHIN = (152, 148, 377)
CHEEKS = (50, 280, 205, 425, 117, 346)
# mesh points that stand for the 21 keypoints; the roles of lips and eyes are the language's
KEYPOINTS = (10, 67, 297, 234, 454, 4, 13, 50, 280, 152, 168, 468, 14, 159, 17, 473, 386, 61, 9, 0, 291)


@dataclass(frozen=True)
class Eye:
    """The mesh points of one eye; lids run from the outer corner to the inner one."""

    upper: tuple[int, ...]
    lower: tuple[int, ...]
    upper_fold: tuple[int, ...]  # pairs with `upper` without its corners
    lower_fold: tuple[int, ...]
    upper_brow: tuple[int, ...]
    iris: tuple[int, ...]  # the pupil, then four points on the rim


EYE_LEFT = Eye(
    (33, 246, 161, 160, 159, 158, 157, 173, 133),
    (33, 7, 163, 144, 145, 153, 154, 155, 133),
    (247, 30, 29, 27, 28, 56, 190),
    (25, 110, 24, 23, 22, 26, 112),
    (113, 225, 224, 223, 222, 221, 189),
    (468, 469, 470, 471, 472),
)
EYE_RIGHT = Eye(
    (263, 466, 388, 387, 386, 385, 384, 398, 362),
    (263, 249, 390, 373, 374, 380, 381, 382, 362),
    (467, 260, 259, 257, 258, 286, 414),
    (255, 339, 254, 253, 252, 256, 341),
    (342, 445, 444, 443, 442, 441, 413),
    (473, 474, 475, 476, 477),
)  # image-left and image-right
EYES = (EYE_LEFT, EYE_RIGHT)

# expression numbers that move the mesh linearly; gap, lids and irises are moved by the warper
LINEAR = (
    Exp.JAW, Exp.LOW_LIP, Exp.UP_LIP, Exp.WIDTH, Exp.CORNER, Exp.PROTRUDE, Exp.UP_THICK, Exp.LOW_THICK,
    Exp.BROW_IN, Exp.BROW_OUT, Exp.FURROW, Exp.SNEER, Exp.ASYM, Exp.JAW_SIDE,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Template:
    """The average face and its linear expressions."""

    shape: Floats  # (478, 3) x right, y down, z away from the camera, in template units
    mirror: Ints  # (478,) the point across the face
    triangles: Ints  # (n, 3) skin
    holes: Ints  # (m, 3) strips that close mouth and eyes
    basis: Floats  # (14, 478, 3) template units of displacement for a millimetre of each of LINEAR


def strips(upper: tuple[int, ...], lower: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Triangles between two contours that share their ends."""
    found = []
    for (a, b), (c, d) in zip(pairwise(upper), pairwise(lower), strict=True):
        if a != c:
            found.append((a, b, c))
        if b != d:
            found.append((b, d, c))
    return found


@lru_cache(maxsize=4)
def load_template(path: Path) -> Template:
    """The template in a file; the same object for the same path."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            shape, mirror, triangles, basis = (stored[k] for k in ("shape", "mirror", "triangles", "basis"))
    except (OSError, KeyError, ValueError) as error:
        raise ModelError(
            f"{path}: cannot be read as a face template ({error}); install the package anew"
        ) from error
    if shape.shape != (POINTS, 3) or basis.shape != (len(LINEAR), POINTS, 3):
        raise ModelError(f"{path}: a template of shape {shape.shape} with a basis of {basis.shape}")
    holes = strips(UPPER_INNER, LOWER_INNER)
    for eye in EYES:
        holes += strips(eye.upper, eye.lower)
    return Template(
        np.asarray(shape, np.float32),
        np.asarray(mirror, np.int32),
        np.ascontiguousarray(triangles, np.int32),
        np.asarray(holes, np.int32),
        np.asarray(basis, np.float32),
    )


def default_template() -> Template:
    """The template of the pack that comes with the engine."""
    return load_template(files.path("template.npz"))


def measured(displacement: npt.NDArray[Any]) -> Doubles:
    """(..., 478, 3) template units of displacement -> (..., 14) millimetres, in the order of LINEAR."""
    x, y, z = (np.asarray(displacement, np.float64)[..., axis] * MILLIMETRES for axis in range(3))
    chin = y[..., list(CHIN)].mean(-1)
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


def fit(shape: npt.NDArray[Any], points: npt.NDArray[Any]) -> tuple[Doubles, Doubles, Doubles]:
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
