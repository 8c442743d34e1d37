"""Smooth lines through points of a face, and the boxes around them."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels


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


def inverse(matrix: Floats) -> Floats:
    """The inverse of a (2, 2) matrix; the general way takes twenty times as long."""
    (a, b), (c, d) = matrix.tolist()
    return np.asarray(np.array([[d, -b], [-c, a]]) / (a * d - b * c), np.float32)


def closed_contour(upper: Floats, lower: Floats) -> Floats:
    """The closed (n, 2) contour between two lines that share their ends."""
    return np.asarray(np.vstack([upper, lower[::-1][1:-1]]), np.float32)


@lru_cache(maxsize=8)
def arch(count: int) -> Floats:
    """(count,) 0 at both ends of a line and 1 in its middle."""
    return np.asarray(np.sqrt(np.sin(np.linspace(0, np.pi, count))), np.float32)


def around(points: Floats, limits: Box, pad: float) -> Box | None:
    """The pixels about some points; None where nothing is left of them within the limits."""
    (low_x, low_y), (high_x, high_y) = points.min(0).tolist(), points.max(0).tolist()
    left, top = max(limits[0], math.floor(low_x - pad)), max(limits[1], math.floor(low_y - pad))
    right = min(limits[2], math.ceil(high_x + pad + 1))
    bottom = min(limits[3], math.ceil(high_y + pad + 1))
    return (left, top, right, bottom) if right - left > 3 and bottom - top > 3 else None
