"""The inner loops of the mini pack's painter, compiled; none of them holds the interpreter's lock."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_fast = njit(cache=True, nogil=True, fastmath=True)


def _inlined(function: Any) -> Any:
    return njit(inline="always", fastmath=True, cache=True, nogil=True)(function)


@_inlined
def ramp(x, a, b):  # type: ignore[no-untyped-def]
    t = min(1.0, max(0.0, (x - a) / (b - a)))
    return t * t * (3 - 2 * t)


@_fast
def raster_shift(placed, source, depth, triangles, shift_x, shift_y, nearest, tested, x0, y0, step_x, step_y):  # type: ignore[no-untyped-def]
    """Writes where each grid point comes from, minus where it is, in pixels of the picture.

    `placed` and `source` are (n, 2) vertices in the picture; grid point (i, j) lies at
    x0 + (j + 0.5) · step_x - 0.5, y0 + (i + 0.5) · step_y - 0.5. With `tested` the nearest of several
    triangles wins.
    """
    height, width = shift_x.shape
    for k in range(triangles.shape[0]):
        i, j, m = triangles[k, 0], triangles[k, 1], triangles[k, 2]
        ax, ay = (placed[i, 0] - x0 + 0.5) / step_x - 0.5, (placed[i, 1] - y0 + 0.5) / step_y - 0.5
        bx, by = (placed[j, 0] - x0 + 0.5) / step_x - 0.5, (placed[j, 1] - y0 + 0.5) / step_y - 0.5
        cx, cy = (placed[m, 0] - x0 + 0.5) / step_x - 0.5, (placed[m, 1] - y0 + 0.5) / step_y - 0.5
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
        ux, uy = source[i, 0] - placed[i, 0], source[i, 1] - placed[i, 1]
        ubx, uby = source[j, 0] - placed[j, 0] - ux, source[j, 1] - placed[j, 1] - uy
        ucx, ucy = source[m, 0] - placed[m, 0] - ux, source[m, 1] - placed[m, 1] - uy
        z, zb, zc = depth[i], depth[j] - depth[i], depth[m] - depth[i]
        for y in range(top, bottom + 1):
            b = (left - ax) * bdx + (y - ay) * bdy
            c = (left - ax) * cdx + (y - ay) * cdy
            for x in range(left, right + 1):
                if b >= -1e-4 and c >= -1e-4 and b + c <= 1.0002:
                    here = z + b * zb + c * zc
                    if not tested or here < nearest[y, x]:
                        if tested:
                            nearest[y, x] = here
                        shift_x[y, x] = ux + b * ubx + c * ucx
                        shift_y[y, x] = uy + b * uby + c * ucy
                b += bdx
                c += cdx


@_fast
def moving_part(shift_x, shift_y, least):  # type: ignore[no-untyped-def]
    """Left, top, right and bottom of the grid points that are shifted by `least` or more; 0 for none."""
    height, width = shift_x.shape
    left, top, right, bottom = width, height, 0, 0
    for y in range(height):
        for x in range(width):
            if abs(shift_x[y, x]) >= least or abs(shift_y[y, x]) >= least:
                left, top = min(left, x), min(top, y)
                right, bottom = max(right, x + 1), max(bottom, y + 1)
    return left, top, right, bottom


@_fast
def add_grid(map_x, map_y, left, top, right, bottom):  # type: ignore[no-untyped-def]
    """Turns shifts into places within a rectangle."""
    for y in range(top, bottom):
        for x in range(left, right):
            map_x[y, x] += x
            map_y[y, x] += y


@_fast
def over_background(moved, out, plate, reach, x0, y0, amount):  # type: ignore[no-untyped-def]
    """Lays the moved (h, w, 4) foreground on the picture at x0, y0, and the plate where it has gone away.

    `out` holds the source and becomes the result. `reach` is its widened foreground in 0..255,
    `amount` 0..255 how much the plate may show.
    """
    height, width = moved.shape[0], moved.shape[1]
    for i in range(height):
        for j in range(width):
            y, x = i + y0, j + x0
            alpha = np.int32(moved[i, j, 3])
            if alpha >= 254:
                for k in range(3):
                    out[y, x, k] = moved[i, j, k]
                continue
            gone = np.int32(reach[y, x]) - alpha
            if gone <= 0 and alpha == 0:
                continue
            bare = min(np.int32(255), max(np.int32(0), (gone * 3) >> 1)) * amount  # 0..65025
            for k in range(3):
                own = np.int32(out[y, x, k])
                back = own * 65025 + (np.int32(plate[y, x, k]) - own) * bare
                mixed = np.int32(moved[i, j, k]) * alpha + (back // 65025) * (255 - alpha)
                out[y, x, k] = np.uint8((mixed + 127) // 255)


@_fast
def paint_mouth(  # type: ignore[no-untyped-def]
    out, cover, lit, x0, y0, seam, to_mm, colours, upper, lower, tongue, jaw, gap, edge, own, own_cover
):
    """Paints the inside of a mouth over (h, w, 3) `out` at x0, y0.

    `cover` and `lit` (h, w) 0..1: the opening, and how far from its edge light reaches. `to_mm`
    takes pixels from `seam` to the skull's millimetres. `colours`: teeth, gums, tongue, shallow
    and deep cavity, lip. `upper`, `lower`: (n, m, 3) cover, shade and gum share of the teeth,
    `tongue` (n, m, 2) cover and shade, 60 x 30 mm each. `own` is the source's mouth, moved.
    """
    height, width = cover.shape
    rows, columns = upper.shape[0], upper.shape[1]
    opened = ramp(gap, 1.0, 9.0)
    value = np.empty(3, np.float32)
    for y in range(height):
        for x in range(width):
            alpha = cover[y, x]
            if alpha < 0.004:
                continue
            dx, dy = x + x0 - seam[0], y + y0 - seam[1]
            qx = to_mm[0, 0] * dx + to_mm[0, 1] * dy
            qy = to_mm[1, 0] * dx + to_mm[1, 1] * dy
            side = ramp(abs(qx), 10.0, 26.0)
            band = (1 - ramp(qy - edge, 1.5, 0.35 * jaw + 4.0)) * ramp(jaw, 2.0, 8.0)
            for k in range(3):
                value[k] = (colours[3, k] * (1 - opened) + colours[4, k] * opened) * (1 - 0.38 * band)
            for layer in range(3):
                if layer == 0:
                    ty = -6.0 + (qy - (0.42 * jaw + 1.2)) * 12.0 / (0.58 * jaw + 2.0)
                    dim = 0.62 + 0.38 * opened
                elif layer == 1:
                    ty = qy - (1.3 + jaw) + 0.006 * qx * qx
                    dim = 0.80 + 0.08 * (1 - opened)
                else:
                    ty = qy - edge + 0.006 * qx * qx
                    dim = 0.95 + 0.05 * opened
                u, v = (qx + 30) / 60 * columns - 0.5, (ty + 15) / 30 * rows - 0.5
                if u < 0 or v < 0 or u >= columns - 1 or v >= rows - 1:
                    continue
                iu, iv = int(u), int(v)
                fu, fv = u - iu, v - iv
                w00, w10, w01, w11 = (1 - fu) * (1 - fv), fu * (1 - fv), (1 - fu) * fv, fu * fv
                part = tongue if layer == 0 else (lower if layer == 1 else upper)
                there = (
                    part[iv, iu, 0] * w00
                    + part[iv, iu + 1, 0] * w10
                    + part[iv + 1, iu, 0] * w01
                    + part[iv + 1, iu + 1, 0] * w11
                )
                if there < 0.003:
                    continue
                shade = (
                    part[iv, iu, 1] * w00
                    + part[iv, iu + 1, 1] * w10
                    + part[iv + 1, iu, 1] * w01
                    + part[iv + 1, iu + 1, 1] * w11
                )
                gum = 0.0
                if layer == 0:
                    there *= ramp(gap, 2.0, 6.0) * 0.9 + 0.1
                else:
                    gum = (
                        part[iv, iu, 2] * w00
                        + part[iv, iu + 1, 2] * w10
                        + part[iv + 1, iu, 2] * w01
                        + part[iv + 1, iu + 1, 2] * w11
                    )
                dim *= 1 - 0.38 * side
                for k in range(3):
                    tone = colours[2, k] if layer == 0 else colours[0, k] * (1 - gum) + colours[1, k] * gum
                    value[k] = value[k] * (1 - there) + tone * shade * dim * there
            glow = min(1.0, max(0.0, lit[y, x] * 1.55 - 0.35))
            glow = glow * glow * (3 - 2 * glow)
            for k in range(3):
                inside = value[k] * (0.52 + 0.48 * glow)
                inside = inside * (1 - 0.35 * (1 - glow)) + colours[5, k] * 0.175 * (1 - glow)
                inside = inside * (1 - own_cover[y, x]) + own[y, x, k] * own_cover[y, x]
                mixed = out[y + y0, x + x0, k] * (1 - alpha) + inside * alpha
                out[y + y0, x + x0, k] = np.uint8(min(255.0, max(0.0, mixed + 0.5)))
