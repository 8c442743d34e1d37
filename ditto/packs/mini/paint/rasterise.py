"""Rasterises a mesh into the map of where pixels come from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats
from ditto.kernels import In, Kernel, Out

_raster_shift = Kernel(
    "raster_shift", *3 * [Out(np.float32)], int, int, *3 * [In(np.float32)], In(np.int32), int, *3 * [float]
)

_blur_map = Kernel("blur_map", Out(np.float32), In(np.float32), int, int, In(np.float32))
BELL = np.exp(-0.5 * np.arange(-2.0, 3.0) ** 2)  # a deviation of one grid point: no stairs
TAPS = (BELL / BELL.sum()).astype(np.float32)


def blurred_map(plane: Floats) -> Floats:
    """A map (h, w) in which a part is blended into what it hides."""
    out: Floats = np.empty_like(plane)
    _blur_map(out, plane, *plane.shape, TAPS)
    return out


def raster_shift(
    shifts: tuple[Floats, Floats],
    nearest: Floats | None,
    placed: Floats,
    source: Floats,
    depth: Floats,
    triangles: npt.NDArray[np.int32],
    corner: tuple[int, int],
    step: int,
) -> None:
    """Writes where each grid point comes from, minus where it is, in pixels of the picture.

    `placed` and `source` are (n, 2) vertices in the picture; grid point (i, j) of the (h, w) `shifts` in x
    and y lies at corner + (j - 0.5, i - 0.5) · step - 0.5. With `nearest` (h, w), the depths drawn so far,
    the nearest of several triangles wins; without, the last.
    """
    shift_x, shift_y = shifts
    assert shift_x.shape == shift_y.shape and (nearest is None or nearest.shape == shift_x.shape)
    assert placed.shape == source.shape == (len(depth), 2) and triangles.shape[1] == 3
    _raster_shift(
        shift_x, shift_y, nearest, *shift_x.shape, placed, source, depth,
        triangles, len(triangles), *corner, step,
    )  # fmt: skip
