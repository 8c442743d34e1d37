"""Composites a frame: the source moved by a map, over its background."""

from __future__ import annotations

import numpy as np

from ditto.arrays import Image
from ditto.packs.mini.background.layers import Background
from ditto.packs.mini.paint.resample import block_kinds, painted
from ditto.packs.mini.paint.shift_map import ShiftMap

MIN_SHIFT = 0.03  # pixels; less leaves the source's own, and nobody sees the difference
ALL_FOREGROUND = np.zeros((0, 0), np.uint8)  # a source that is foreground throughout


def repainted(
    image: Image, opaque: Image, background: Background | None, corner: tuple[int, int], where: ShiftMap
) -> Image:
    """A new (H, W, 3) frame with the picture moved, and the background grown in where the head has gone away.

    `opaque` (h, w, 4) is the wide moving box at `corner` (x, y), all of it foreground; without a
    background it moves as a whole. Only blocks of pixels in which something moves are touched, and only
    those at the edges of the foreground are composited pixel by pixel.
    """
    layered, plate, solid, bare = opaque, opaque, ALL_FOREGROUND, ALL_FOREGROUND
    if background is not None:
        layered, plate = background.layered, background.plate
        solid, bare = background.solid, background.bare
    shifts = (where.shift_x, where.shift_y, where.step)
    height, width = opaque.shape[:2]
    kinds = block_kinds(*shifts, (height, width), solid, bare, MIN_SHIFT)
    return painted(image, corner, *shifts, opaque, layered, plate, kinds)
