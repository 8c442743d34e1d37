"""Anti-aliasing of a turned head: edges where it hides a part of itself, and stretched skin."""

from __future__ import annotations

import numpy as np

from ditto.arrays import Floats, Image
from ditto.faces.topology import EYES, LOWER_OUTER, UPPER_OUTER
from ditto.kernels import In, Kernel, Out
from ditto.packs.mini.paint.shift_map import ShiftMap
from ditto.packs.mini.source.geometry import HeadGeometry

# from where to where neighbours count as drawn out, pixels that they come from nearer than they are: streaks
DRAWN_OUT_RANGE = np.array([0.5, 0.85], np.float32)
# and as torn, pixels that they come from farther than they are: stairs
TORN_RANGE = np.array([1.0, 1.8], np.float32)
SHARP_RIM_MM = 2.0  # millimetres around mouth and eyes that are left out
RIMS = (UPPER_OUTER + LOWER_OUTER, *(eye.upper + eye.lower for eye in EYES))
RIM_POINTS = np.concatenate(RIMS)
RIM_STARTS = np.cumsum([0, *map(len, RIMS[:-1])])

_roughness = Kernel(
    "roughness", Out(np.float32), Out(np.int64), *2 * [In(np.float32)], int, int, float, *2 * [In(np.float32)]
)
_smooth = Kernel("smooth", Out(np.uint8), int, In(np.uint8), *4 * [int], In(np.float32), *7 * [int])


def soften(out: Image, head: HeadGeometry, vertices: Floats, where: ShiftMap) -> None:
    """Averages over a few pixels what the map of a turned head tears or draws out; touches nothing else."""
    left, top, right, bottom = head.wide_box
    share: Floats = np.zeros(where.shift_x.shape, np.float32)
    rows = np.empty(2, np.int64)
    _roughness(
        share, rows, where.shift_x, where.shift_y, *share.shape, where.step, DRAWN_OUT_RANGE, TORN_RANGE
    )
    first, last = rows.tolist()
    if last < first:
        return
    room = SHARP_RIM_MM * head.millimetre
    points = vertices[RIM_POINTS] - np.array([left, top], np.float32)
    low = np.maximum((np.minimum.reduceat(points, RIM_STARTS) - room) / where.step + 1, 0).astype(int)
    high = np.maximum((np.maximum.reduceat(points, RIM_STARTS) + room) / where.step + 2, 0).astype(int)
    for (x0, y0), (x1, y1) in zip(low.tolist(), high.tolist(), strict=True):
        share[y0:y1, x0:x1] = 0
    apart = (where.step + 1) // 2
    begin = max(0, top + (first - 1) * where.step - 2 * apart)
    end = max(begin, min(bottom, top + last * where.step + 2 * apart))
    beside = max(0, left)
    before = np.ascontiguousarray(out[begin:end, beside:right])
    _smooth(
        out, out.shape[1], before, *before.shape[:2], begin, beside, share, share.shape[1], first, last,
        where.step, left, top, apart,
    )  # fmt: skip
