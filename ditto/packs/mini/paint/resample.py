"""Resamples a picture by the shift map: blocks are kept, moved, or composited over the background."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats, Image
from ditto.kernels import In, Kernel, Out
from ditto.packs.mini.background.layers import TILE
from ditto.packs.mini.placing.record import MIN_TRAVEL

BLOCK_PIXELS = 16  # pixels of the squares that are painted in one way throughout

_MAP = (In(np.float32), In(np.float32), int, int, int, int)  # shifts, grid, step, height, width
_block_kinds = Kernel(
    "block_kinds", Out(np.uint8), int, *_MAP, In(np.uint8), In(np.uint8), int, int, int, float
)
_paint_moved = Kernel(
    "paint_moved",
    Out(np.uint8),
    In(np.uint8),
    int,
    int,
    int,
    int,
    *_MAP,
    *3 * [In(np.uint8)],
    In(np.uint8),
    int,
    float,
)


def block_kinds(
    shift_x: Floats,
    shift_y: Floats,
    step: int,
    size: tuple[int, int],
    solid: Image,
    bare: Image,
    least: float,
) -> npt.NDArray[np.uint8]:
    """(rows, columns) of blocks of BLOCK_PIXELS a side: 0 stays, 1 is all moved foreground, 2 is both.

    `size` is (height, width) of the moving box. `solid` and `bare` tell of the source's tiles whether all,
    or nothing, of them is foreground; empty where everything is. `least` pixels count as a move.
    """
    height, width = size
    assert reaches(shift_x, shift_y, step, size) and solid.shape == bare.shape
    kinds = np.empty((-(-height // BLOCK_PIXELS), -(-width // BLOCK_PIXELS)), np.uint8)
    _block_kinds(
        kinds, BLOCK_PIXELS, shift_x, shift_y, shift_x.shape[1], step, height, width,
        solid, bare, *solid.shape, TILE, least,
    )  # fmt: skip
    return kinds


def painted(
    image: Image,
    corner: tuple[int, int],
    shift_x: Floats,
    shift_y: Floats,
    step: int,
    picture: Image,
    layered: Image,
    plate: Image,
    kinds: npt.NDArray[np.uint8],
) -> Image:
    """The source `image` with the moving box painted at `corner` (x, y), as far as it lies in it.

    Pixels come from where the map says (see `ShiftMap`), mixed of four as finely as 1/256 of a pixel.
    Blocks of kind 1 are taken as they are; in those of kind 2 the foreground is laid over the picture, and
    over the plate where it has gone away. `picture`, `layered` and `plate` are (h, w, 4), the box's pixels.
    """
    height, width = picture.shape[:2]
    assert reaches(shift_x, shift_y, step, (height, width)) and min(height, width) > 1
    assert picture.shape == layered.shape == plate.shape and picture.shape[2] == 4 and image.shape[2] == 3
    assert kinds.shape == (-(-height // BLOCK_PIXELS), -(-width // BLOCK_PIXELS))
    out: Image = np.empty_like(image, order="C")
    _paint_moved(
        out, np.ascontiguousarray(image), *out.shape[:2], *corner, shift_x, shift_y, shift_x.shape[1], step,
        height, width, picture, layered, plate, kinds, BLOCK_PIXELS, MIN_TRAVEL,
    )  # fmt: skip
    return out


def reaches(shift_x: Floats, shift_y: Floats, step: int, size: tuple[int, int]) -> bool:
    """Whether a map covers a box of (height, width) pixels."""
    rows, columns = shift_x.shape
    return (
        shift_x.shape == shift_y.shape
        and rows >= -(-size[0] // step) + 2
        and columns >= -(-size[1] // step) + 2
    )
