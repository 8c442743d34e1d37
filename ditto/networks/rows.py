"""What the denoiser does between its matrix products, compiled: one pass over its rows each."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

EPSILON = 1e-5  # added to a variance, as PyTorch's norms do


@njit(cache=True, nogil=True, fastmath=True)
def add_modulated(x: Any, made: Any, modulation: Any, which: int) -> None:
    """Adds to `x` (n, r, C) what was `made` of it, scaled and shifted.

    `made` may be fewer than n and serves in turn. `modulation` is (n, 6, C): scale and shift, three times.
    """
    for i in range(x.shape[0]):
        scale, shift, new = modulation[i, 2 * which], modulation[i, 2 * which + 1], made[i % made.shape[0]]
        for j in range(x.shape[1]):
            for c in range(x.shape[2]):
                x[i, j, c] += (scale[c] + np.float32(1)) * new[j, c] + shift[c]


@njit(cache=True, nogil=True, fastmath=True)
def normalise(x: Any, norm: Any, normal: Any) -> None:
    """Fills `normal` with the rows of `x` (n, r, C) at mean 0 and variance 1, then led by `norm` (2, C)."""
    channels = x.shape[2]
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            row, out = x[i, j], normal[i, j]
            total = spread = np.float32(0)
            for c in range(channels):
                total += row[c]
            mean = np.float32(total / channels)
            for c in range(channels):
                spread += (row[c] - mean) * (row[c] - mean)
            share = np.float32(1 / math.sqrt(spread / channels + EPSILON))
            for c in range(channels):
                out[c] = (row[c] - mean) * share * norm[0, c] + norm[1, c]


@njit(cache=True, nogil=True, fastmath=True)
def turn(x: Any, positions: Any, turned: Any) -> None:
    """Fills `turned` with `x` (n, r, C), each pair of channels turned by its cosine and sine in (r, C)."""
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            for c in range(x.shape[2] // 2):
                cos, sin = positions[j, 2 * c], positions[j, 2 * c + 1]
                turned[i, j, 2 * c] = x[i, j, 2 * c] * cos - x[i, j, 2 * c + 1] * sin
                turned[i, j, 2 * c + 1] = x[i, j, 2 * c + 1] * cos + x[i, j, 2 * c] * sin
