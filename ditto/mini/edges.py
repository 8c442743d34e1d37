"""Smooth edges where a turned head hides a part of itself, smooth skin where it was hardly seen before."""

from __future__ import annotations

import numpy as np

from ditto.messages import Image
from ditto.mini.compiled import fast, ramp
from ditto.mini.template import EYES, LOWER_OUTER, UPPER_OUTER
from ditto.mini.warp import Moved

LEAST_TURN = 0.035  # sine of the angle below which a head hides nothing of itself
DRAWN = (0.5, 0.85)  # of a pixel that neighbours come from nearer to each other than they are: streaks
TORN = (1.0, 1.8)  # pixels that neighbours come from farther from each other than they are: stairs
SHARP = 2.0  # millimetres around mouth and eyes that are left out
RIMS = (UPPER_OUTER + LOWER_OUTER, *(eye.upper + eye.lower for eye in EYES))


def soften(out: Image, moved: Moved) -> None:
    """Averages over a few pixels what the map tears or draws out; touches nothing else."""
    if max(abs(float(moved.turn[0, 2])), abs(float(moved.turn[1, 2]))) < LEAST_TURN:
        return
    look, where = moved.layers.appearance, moved.map
    left, top, right, bottom = look.wide_box
    share = np.zeros(where.shift_x.shape, np.float32)
    first, last = roughness(where.shift_x, where.shift_y, np.float32(where.step), DRAWN, TORN, share)
    if last < first:
        return
    for rim in RIMS:
        points = moved.placed[list(rim)] - (left, top)
        x0, y0 = np.maximum((points.min(0) - SHARP * look.millimetre) / where.step + 1, 0).astype(int)
        x1, y1 = np.maximum((points.max(0) + SHARP * look.millimetre) / where.step + 2, 0).astype(int)
        share[y0:y1, x0:x1] = 0
    apart = (where.step + 1) // 2
    begin = max(0, top + (first - 1) * where.step - 2 * apart)
    end = max(begin, min(bottom, top + last * where.step + 2 * apart))
    part = out[begin:end, max(0, left) : right]
    smooth(part, part.copy(), share, first, last, where.step, begin - top, max(0, -left), apart)


@fast
def roughness(shift_x, shift_y, step, drawn, torn, share):  # type: ignore[no-untyped-def]
    """Writes 0..1 for each grid point, how much it is to be smoothed; the first and the last row of any."""
    height, width = share.shape
    first, last = height, 0
    most, least = np.empty(width, np.float32), np.empty(width, np.float32)
    scale = np.float32(0.5) / step
    for i in range(1, height - 1):
        for j in range(1, width - 1):
            xx, yy = shift_x[i, j + 1] - shift_x[i, j - 1], shift_y[i + 1, j] - shift_y[i - 1, j]
            xy, yx = shift_x[i + 1, j] - shift_x[i - 1, j], shift_y[i, j + 1] - shift_y[i, j - 1]
            most[j] = max(max(abs(xx), abs(yy)), max(abs(xy), abs(yx))) * scale
            least[j] = -min(xx, yy) * scale
        for j in range(1, width - 1):
            if least[j] > drawn[0] or most[j] > torn[0]:
                share[i, j] = max(ramp(least[j], drawn[0], drawn[1]), ramp(most[j], torn[0], torn[1]))
                first, last = min(first, i), i
    return first, last


@fast
def smooth(out, before, share, first, last, step, above, beside, apart):  # type: ignore[no-untyped-def]
    """Averages over neighbours, more of them up and down, as far as `share` says.

    Grid point (i, j) stands for the square of `step` pixels that ends at (i · step, j · step), counted from
    `above` rows above the picture and `beside` columns on its left.
    """
    height, width = out.shape[0], out.shape[1]
    for i in range(first, last + 1):
        for j in range(1, share.shape[1] - 1):
            weight = share[i, j]
            if weight == 0:
                continue
            y0, x0 = (i - 1) * step - above, (j - 1) * step - beside
            for y in range(max(y0, 0), min(y0 + step, height)):
                for x in range(max(x0, 0), min(x0 + step, width)):
                    for k in range(3):
                        total = np.float32(0)
                        for v in range(-2, 3):
                            line = min(max(y + v * apart, 0), height - 1)
                            many = 6 if v == 0 else (4 if abs(v) == 1 else 1)
                            for u in range(-1, 2):
                                column = min(max(x + u * apart, 0), width - 1)
                                total += many * (2 - abs(u)) * before[line, column, k]
                        value = before[y, x, k] + (total / 64 - before[y, x, k]) * weight
                        out[y, x, k] = np.uint8(value + 0.5)
