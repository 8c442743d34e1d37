"""The inside of a mouth and an eyeball, painted pixel by pixel."""

from __future__ import annotations

import numpy as np

from ditto.mini.compiled import fast, inlined, ramp


@inlined
def between(plane, i, j, down, right, k):  # type: ignore[no-untyped-def]
    """The number in layer `k` that lies `down` and `right` (0..1) of (i, j)."""
    above = plane[i, j, k] * (1 - right) + plane[i, j + 1, k] * right
    below = plane[i + 1, j, k] * (1 - right) + plane[i + 1, j + 1, k] * right
    return above * (1 - down) + below * down


@fast
def paint_mouth(  # type: ignore[no-untyped-def]
    out, cover, lit, x0, y0, seam, to_mm, colours, upper, lower, tongue, jaw, gap, edge, own, own_cover
):
    """Paints the inside of a mouth over the picture `out` at x0, y0.

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
                part = tongue if layer == 0 else (lower if layer == 1 else upper)
                there = between(part, iv, iu, fv, fu, 0)
                if there < 0.003:
                    continue
                shade = between(part, iv, iu, fv, fu, 1)
                gum = 0.0
                if layer == 0:
                    there *= ramp(gap, 2.0, 6.0) * 0.9 + 0.1
                else:
                    gum = between(part, iv, iu, fv, fu, 2)
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


@fast
def paint_ball(  # type: ignore[no-untyped-def]
    out, cover, lit, x0, y0, texture, after, before, back, pupil, gaze, radius, closing
):
    """Paints an eyeball over the picture `out` at x0, y0.

    `cover` and `lit` (h, w) 0..1: the opening between the lids, and how much light reaches there.
    `back` takes pixels from `after` to those of `texture` from `before`. The iris, `radius` pixels
    about `pupil`, is moved by `gaze`; `closing` 0..1 darkens what a falling lid overshadows.
    """
    height, width = cover.shape
    rows, columns = texture.shape[0], texture.shape[1]
    for y in range(height):
        for x in range(width):
            alpha = cover[y, x]
            if alpha < 0.002:
                continue
            dx, dy = x + x0 - after[0], y + y0 - after[1]
            u = back[0, 0] * dx + back[0, 1] * dy + before[0]
            v = back[1, 0] * dx + back[1, 1] * dy + before[1]
            distance = np.hypot(u - pupil[0] - gaze[0], v - pupil[1] - gaze[1]) / radius
            follow = 1 - ramp(distance, 0.95, 2.3)
            u = min(max(u - gaze[0] * follow, 0.0), columns - 1.001)
            v = min(max(v - gaze[1] * follow, 0.0), rows - 1.001)
            iu, iv = int(u), int(v)
            fu, fv = u - iu, v - iv
            light = 1 - 0.20 * closing * (1 - min(1.0, lit[y, x] * 1.15))
            for k in range(3):
                ball = between(texture, iv, iu, fv, fu, k) * light
                under = out[y + y0, x + x0, k]
                out[y + y0, x + x0, k] = np.uint8(under + (ball - under) * alpha + 0.5)
