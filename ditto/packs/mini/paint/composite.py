"""A source frame repainted: its picture moved by a map, over what lies behind it."""

from __future__ import annotations

import numpy as np

from ditto.arrays import Image
from ditto.packs.mini.paint.resample import block_kinds, painted
from ditto.packs.mini.paint.warper import Moved

LEAST_SHIFT = 0.03  # pixels; less leaves the source's own, and nobody sees the difference
ALL = np.zeros((0, 0), np.uint8)  # a source that is foreground throughout


def repainted(moved: Moved) -> Image:
    """A new (H, W, 3) frame with the picture moved, and the background grown in where the head has gone away.

    Only blocks of pixels in which something moves are touched, and only those at the edges of the
    foreground are composited pixel by pixel.
    """
    layers, behind, where = moved.layers, moved.background, moved.map
    left, top, right, bottom = layers.appearance.wide_box
    layered, plate, solid, bare = layers.opaque, layers.opaque, ALL, ALL
    if behind is not None:
        layered, plate, solid, bare = behind.layered, behind.plate, behind.solid, behind.bare
    shifts = (where.shift_x, where.shift_y, where.step)
    kinds = block_kinds(*shifts, (bottom - top, right - left), solid, bare, LEAST_SHIFT)
    return painted(layers.image, (left, top), *shifts, layers.opaque, layered, plate, kinds)
