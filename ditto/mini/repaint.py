"""A source frame repainted: its picture moved by a map, over what lies behind it."""

from __future__ import annotations

import cv2
import numpy as np

from ditto.messages import Floats, Image
from ditto.mini.raster import BLOCK, block_kinds, lay
from ditto.mini.warp import Moved

LEAST_SHIFT = 0.03  # pixels; less leaves the source's own, and nobody sees the difference
BAND = 8  # rows of blocks painted at once: what they need stays in the processor's cache
ALL = np.zeros((0, 0), np.uint8)  # a source that is foreground throughout


def repainted(moved: Moved) -> Image:
    """A new (H, W, 3) frame with the picture moved, and the background grown in where the head has gone away.

    Only blocks of pixels in which something moves are touched, and only those at the edges of the
    foreground are composited pixel by pixel.
    """
    layers, behind, where = moved.layers, moved.background, moved.map
    left, top, right, bottom = layers.appearance.box
    width, height = right - left, bottom - top
    layered, plate, solid, bare = layers.opaque, layers.opaque, ALL, ALL
    if behind is not None:
        layered, plate, solid, bare = behind.layered, behind.plate, behind.solid, behind.bare
    kinds = block_kinds(where.shift_x, where.shift_y, where.step, height, width, solid, bare, LEAST_SHIFT)
    out: Image = layers.image.copy()
    rows, columns = (
        (np.arange(size, dtype=np.float32) - np.float32(0.5)) * np.float32(where.step) - np.float32(0.5)
        for size in where.shift_x.shape
    )
    from_x, from_y = where.shift_x + columns, where.shift_y + rows[:, None]
    for first in range(0, len(kinds), BAND):
        touched = np.flatnonzero(kinds[first : first + BAND].any(axis=0))
        if not len(touched):
            continue
        begin, end = int(touched[0]), int(touched[-1]) + 1
        x0, x1 = begin * BLOCK, min(end * BLOCK, width)
        y0, y1 = first * BLOCK, min((first + BAND) * BLOCK, height)
        (map_x, map_y), right, down = interpolated((from_x, from_y), where.step, (x0, y0, x1, y1))
        here = (slice(down, down + y1 - y0), slice(right, right + x1 - x0))
        part = cv2.remap(layered, map_x[here], map_y[here], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        lay(out, left, top, part, map_x, map_y, right, down, layered, plate, kinds, begin, end, first)
    return out


def interpolated(
    grids: tuple[Floats, Floats], step: int, part: tuple[int, int, int, int]
) -> tuple[tuple[Floats, Floats], int, int]:
    """Numbers on the grid points, for a part of the moving box: left, top, right, bottom.

    The arrays are a little larger than the part; the column and the row at which it begins in them.
    """
    x0, y0, x1, y1 = part
    column, row = x0 // step, y0 // step
    near = (slice(row, (y1 - 1) // step + 3), slice(column, (x1 - 1) // step + 3))
    full_x, full_y = (
        np.asarray(cv2.resize(grid[near], None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR), np.float32)
        for grid in grids
    )
    return (full_x, full_y), x0 - (column - 1) * step, y0 - (row - 1) * step
