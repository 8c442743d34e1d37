"""A mesh drawn into the map of where pixels come from."""

from __future__ import annotations

import numpy as np

from ditto.mini.compiled import fast, inlined


@fast
def raster_shift(placed, source, depth, triangles, shift_x, shift_y, nearest, tested, x0, y0, step):  # type: ignore[no-untyped-def]
    """Writes where each grid point comes from, minus where it is, in pixels of the picture.

    `placed` and `source` are (n, 2) vertices in the picture; grid point (i, j) lies at
    x0 + (j - 0.5) · step - 0.5, y0 + (i - 0.5) · step - 0.5. With `tested` the nearest of several
    triangles wins.
    """
    height, width = shift_x.shape
    for k in range(triangles.shape[0]):
        i, j, m = triangles[k, 0], triangles[k, 1], triangles[k, 2]
        ax, ay = (placed[i, 0] - x0 + 0.5) / step + 0.5, (placed[i, 1] - y0 + 0.5) / step + 0.5
        bx, by = (placed[j, 0] - x0 + 0.5) / step + 0.5, (placed[j, 1] - y0 + 0.5) / step + 0.5
        cx, cy = (placed[m, 0] - x0 + 0.5) / step + 0.5, (placed[m, 1] - y0 + 0.5) / step + 0.5
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if abs(area) < 1e-6:
            continue
        left = max(0, int(np.ceil(min(ax, bx, cx) - 0.01)))
        right = min(width - 1, int(np.floor(max(ax, bx, cx) + 0.01)))
        top = max(0, int(np.ceil(min(ay, by, cy) - 0.01)))
        bottom = min(height - 1, int(np.floor(max(ay, by, cy) + 0.01)))
        if right < left or bottom < top:
            continue
        bdx, bdy = (cy - ay) / area, -(cx - ax) / area
        cdx, cdy = -(by - ay) / area, (bx - ax) / area
        adx = -bdx - cdx
        ux, uy = source[i, 0] - placed[i, 0], source[i, 1] - placed[i, 1]
        ubx, uby = source[j, 0] - placed[j, 0] - ux, source[j, 1] - placed[j, 1] - uy
        ucx, ucy = source[m, 0] - placed[m, 0] - ux, source[m, 1] - placed[m, 1] - uy
        z, zb, zc = depth[i], depth[j] - depth[i], depth[m] - depth[i]
        for y in range(top, bottom + 1):
            b = (left - ax) * bdx + (y - ay) * bdy
            c = (left - ax) * cdx + (y - ay) * cdy
            first, last = within(b, bdx, 0.0, float(right - left))
            first, last = within(c, cdx, first, last)
            first, last = within(1 - b - c, adx, first, last)
            begin, end = max(0, left + int(np.ceil(first))), min(width, left + int(np.floor(last)) + 1)
            here, nearer = z + b * zb + c * zc, bdx * zb + cdx * zc
            from_x, more_x = ux + b * ubx + c * ucx, bdx * ubx + cdx * ucx
            from_y, more_y = uy + b * uby + c * ucy, bdx * uby + cdx * ucy
            line_x, line_y, front = shift_x[y], shift_y[y], nearest[y]
            for x in range(np.uintp(begin), np.uintp(max(begin, end))):
                far = float(np.int64(x) - left)
                if not tested or here + far * nearer < front[x]:
                    if tested:
                        front[x] = here + far * nearer
                    line_x[x] = from_x + far * more_x
                    line_y[x] = from_y + far * more_y


@inlined
def within(value, slope, first, last):  # type: ignore[no-untyped-def]
    """The part of first..last in which value + slope · x is not negative, but for rounding."""
    value += 1e-4
    if slope > 1e-12:
        return max(first, -value / slope), last
    if slope < -1e-12:
        return first, min(last, -value / slope)
    if value < 0:
        return 1.0, 0.0
    return first, last
