"""Soft shapes, as they are drawn over a picture."""

from __future__ import annotations

import cv2
import numpy as np

from ditto.arrays import Floats, Image
from ditto.kernels import In, Kernel, Out
from ditto.packs.mini.curves import Box, arch, around, closed_contour
from ditto.packs.mini.placing.record import Slit

MIN_AMOUNT = 0.02  # of a shadow, below which nobody sees it
LINE_SUPERSAMPLING = 4  # times as large thin lines are drawn

_blur = Kernel("blur", Out(np.float32), In(np.uint8), In(np.float32), int, int, float, float)
_tint = Kernel("tint", Out(np.uint8), int, int, int, In(np.float32), int, int, In(np.float32))


def covered(contour: Floats, box: Box, sigma: float, share: float = 1.0) -> Floats:
    """(h, w) 0..share: how much of each pixel of the box lies inside, softened."""
    left, top, right, bottom = box
    mask = np.zeros((bottom - top, right - left), np.uint8)
    cv2.fillPoly(mask, [np.round((contour - (left, top)) * 256).astype(np.int32)], 255, cv2.LINE_AA, 8)
    return blurred(mask, sigma, share / 255)


def blurred(plane: Image | Floats, sigma: float, gain: float = 1.0) -> Floats:
    """(h, w) bytes or floats blurred by a Gaussian of `sigma` pixels, and multiplied."""
    out: Floats = np.empty(plane.shape, np.float32)
    given = (plane, None) if plane.dtype == np.uint8 else (None, plane)
    _blur(out, *given, *plane.shape, sigma, gain)
    return out


def tint(out: Image, corner: tuple[int, int], cover: Floats, colour: Floats) -> None:
    """Lays a colour over the picture from `corner` (x, y) on, as far as `cover` (h, w) says."""
    (height, width), (x0, y0) = cover.shape, corner
    assert min(corner) >= 0 and y0 + height <= out.shape[0] and x0 + width <= out.shape[1]
    _tint(out, out.shape[1], x0, y0, cover, height, width, np.asarray(colour, np.float32))


def draw_slit(out: Image, slit: Slit, limits: Box) -> None:
    """Draws a soft shadow, if it can be seen."""
    upper, lower, thick = slit.upper, slit.lower, slit.thick
    if slit.amount < MIN_AMOUNT:
        return
    box = around(np.concatenate([upper, lower]), limits, 2 * thick + 2)
    if box is None:
        return
    x0, y0, x1, y1 = box
    across = upper[-1] - upper[0]
    down = np.array([-across[1], across[0]], np.float32) / max(float(np.hypot(*across)), 1e-3)
    bell = arch(len(upper))[:, None]
    contour = closed_contour(upper - 0.5 * thick * bell * down, lower + 0.5 * thick * bell * down)
    fine = LINE_SUPERSAMPLING if thick < LINE_SUPERSAMPLING else 1
    mask = np.zeros(((y1 - y0) * fine, (x1 - x0) * fine), np.uint8)
    drawn = np.round(((contour - (x0, y0) + 0.5) * fine - 0.5) * 256).astype(np.int32)
    cv2.fillPoly(mask, [drawn], 255, cv2.LINE_AA, 8)
    if fine > 1:
        mask = np.asarray(cv2.resize(mask, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA), np.uint8)
    tint(out, (x0, y0), blurred(mask, max(0.5, thick * 0.4), slit.amount / 255), slit.colour)
