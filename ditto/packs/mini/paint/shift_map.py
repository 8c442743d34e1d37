"""Shift map of a moved picture: where each pixel comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ditto.arrays import Floats
from ditto.faces.topology import EYES, LOWER_INNER, UPPER_INNER
from ditto.packs.mini.paint.rasterise import blurred_map, raster_shift
from ditto.packs.mini.placing.record import Placed
from ditto.packs.mini.source.geometry import HeadGeometry
from ditto.packs.mini.source.head_mesh import ring_triangles
from ditto.packs.mini.source.template import Ints, default_template


@dataclass(frozen=True, slots=True, eq=False)
class ShiftMap:
    """Shift of each pixel of the wide moving box: where it comes from, less where it is, on a grid.

    Grid point (i, j) lies at x = (j - 0.5) · step - 0.5, y = (i - 0.5) · step - 0.5 in the box; between
    the points it is interpolated.
    """

    shift_x: Floats  # (n, m) pixels
    shift_y: Floats  # (n, m)
    step: int  # pixels from one grid point to the next


class Rasteriser:
    """Draws maps, one after another, in the same room."""

    def __init__(self) -> None:
        self._room: Floats | None = None  # (3, n, m) for a map and the depth of what is drawn into it

    def __call__(self, head: HeadGeometry, placed: Placed) -> ShiftMap:
        """The map of a placed frame."""
        left, top, right, bottom = head.wide_box
        width, height = right - left, bottom - top
        step = head.step
        grid = (3, -(-height // step) + 2, -(-width // step) + 2)
        if self._room is None or self._room.shape != grid:
            self._room = np.empty(grid, np.float32)
        sharp_x, sharp_y, nearest = self._room
        self._room[:2].fill(0)
        template = default_template()
        parts: tuple[tuple[Ints, Floats | None], ...] = (
            (ring_triangles(), nearest),
            (template.holes, None),
            (template.triangles, nearest),
        )
        for triangles, tested in parts:
            if tested is not None:
                tested.fill(1e9)
            raster_shift(
                (sharp_x, sharp_y),
                tested,
                placed.vertices,
                placed.origins,
                placed.depth,
                triangles,
                (left, top),
                step,
            )
        shift_x, shift_y = blurred_map(sharp_x), blurred_map(sharp_y)
        # not between lips or lids: a blend of the upper and the lower one shows what lies between them
        rims: list[tuple[int, ...]] = [UPPER_INNER + LOWER_INNER]
        rims += [eye.upper + eye.lower for eye, share in zip(EYES, placed.blink, strict=True) if share]
        near = 3 + head.millimetre * 3 / step
        for rim in rims:
            points = (placed.vertices[list(rim)] - (left, top)) / step + 1
            x0, y0 = np.maximum(points.min(0) - near, 0).astype(int)
            x1, y1 = np.maximum(points.max(0) + near + 1, 0).astype(int)
            shift_x[y0:y1, x0:x1], shift_y[y0:y1, x0:x1] = sharp_x[y0:y1, x0:x1], sharp_y[y0:y1, x0:x1]
        return ShiftMap(shift_x, shift_y, step)
