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
from ditto.arrays import Floats
from ditto.faces.topology import EYES, LOWER_INNER, POINTS, UPPER_INNER
from ditto.packs.mini.motion.expression_numbers import Exp

Ints = npt.NDArray[np.int32]

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
            f"{path}: cannot be read as a face template ({error}); install the package again"
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
