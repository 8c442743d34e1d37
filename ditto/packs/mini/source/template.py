"""The average face: its mesh, which points are what, and how expressions move it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cfg.errors import ModelError
from ditto import bundled
from ditto.arrays import Floats, Numbers
from ditto.faces.pose import Doubles
from ditto.faces.topology import EYES, LOWER_INNER, MILLIMETRES, POINTS, UPPER_INNER
from ditto.packs.mini.motion.expression_numbers import Exp

Ints = npt.NDArray[np.int32]

CHIN = (152, 148, 377)
# mesh points that stand for the 21 keypoints; the roles of lips and eyes are the language's
KEYPOINTS = (10, 67, 297, 234, 454, 4, 13, 50, 280, 152, 168, 468, 14, 159, 17, 473, 386, 61, 9, 0, 291)


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


@lru_cache(maxsize=1)
def default_template() -> Template:
    """The template of the pack that comes with the engine."""
    return load_template(bundled.path("template.npz"))


def measured(displacement: Numbers) -> Doubles:
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
