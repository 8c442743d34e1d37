"""Smooth lines and soft shapes, as they are drawn over a picture."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from ditto.messages import Floats, Image

Box = tuple[int, int, int, int]
COVERING = 1.2  # grid points that a line needs to hide what a map shows between two lips or lids
FINER = 4  # times as large thin lines are drawn


def curve(points: Floats, between: int = 4) -> Floats:
    """A smooth line through (n, 2) points, `between` pieces from one to the next."""
    return np.asarray(spline(len(points), between) @ points, np.float32)


@lru_cache(maxsize=8)
def spline(count: int, between: int) -> npt.NDArray[np.float64]:
    """(m, count) how much of each point is in each place of a smooth line through `count` of them."""
    points = np.eye(count)
    padded = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    a, b, c, d = (padded[k : len(padded) - 3 + k, None] for k in range(4))
    t = (np.arange(between) / between)[None, :, None]
    line = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return np.vstack([line.reshape(-1, count), points[-1:]])


def outline(upper: Floats, lower: Floats) -> Floats:
    """The closed (n, 2) contour between two lines that share their ends."""
    return np.asarray(np.vstack([upper, lower[::-1][1:-1]]), np.float32)


def covered(contour: Floats, box: Box, blur: float) -> Floats:
    """(h, w) 0..1: how much of each pixel of the box lies inside."""
    left, top, right, bottom = box
    mask = np.zeros((bottom - top, right - left), np.uint8)
    cv2.fillPoly(mask, [np.round((contour - (left, top)) * 256).astype(np.int32)], 255, cv2.LINE_AA, 8)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), blur) / np.float32(255), np.float32)


def around(points: Floats, limits: Box, pad: float) -> Box | None:
    """The pixels about some points; None where nothing is left of them within the limits."""
    left, top = np.maximum(limits[:2], np.floor(points.min(0) - pad)).astype(int)
    right, bottom = np.minimum(limits[2:], np.ceil(points.max(0) + pad + 1)).astype(int)
    return (int(left), int(top), int(right), int(bottom)) if right - left > 3 and bottom - top > 3 else None


def draw_slit(
    out: Image, upper: Floats, lower: Floats, thick: float, colour: Floats, amount: float, limits: Box
) -> None:
    """Draws a soft shadow from one (n, 2) line to the other and so many pixels thicker, but for its ends."""
    box = around(np.concatenate([upper, lower]), limits, 2 * thick + 2)
    if amount < 0.02 or box is None:
        return
    x0, y0, x1, y1 = box
    across = upper[-1] - upper[0]
    down = np.array([-across[1], across[0]], np.float32) / max(float(np.hypot(*across)), 1e-3)
    bell = np.sqrt(np.sin(np.linspace(0, np.pi, len(upper)))).astype(np.float32)[:, None]
    contour = outline(upper - 0.5 * thick * bell * down, lower + 0.5 * thick * bell * down)
    fine = FINER if thick < FINER else 1
    mask = np.zeros(((y1 - y0) * fine, (x1 - x0) * fine), np.uint8)
    drawn = np.round(((contour - (x0, y0) + 0.5) * fine - 0.5) * 256).astype(np.int32)
    cv2.fillPoly(mask, [drawn], 255, cv2.LINE_AA, 8)
    dark = cv2.GaussianBlur(mask, (0, 0), fine * max(0.5, thick * 0.4))
    if fine > 1:
        dark = cv2.resize(dark, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
    share = dark.astype(np.float32)[..., None] * np.float32(amount / 255)
    under = out[y0:y1, x0:x1]
    out[y0:y1, x0:x1] = (under + (colour - under) * share + 0.5).astype(np.uint8)
