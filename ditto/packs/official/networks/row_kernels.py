"""The denoiser's steps between its matrix products: one pass over its rows each."""

from __future__ import annotations

import numpy as np

from ditto.arrays import Floats
from ditto.kernels import In, Kernel, Out

EPSILON = 1e-5  # added to a variance, as PyTorch's norms do

_FLOATS = In(np.float32)
_add_modulated = Kernel("add_modulated", Out(np.float32), _FLOATS, _FLOATS, *5 * [int])
_normalise = Kernel("normalise", Out(np.float32), _FLOATS, _FLOATS, int, int, float)
_turn = Kernel("turn", Out(np.float32), _FLOATS, _FLOATS, int, int, int)


def add_modulated(x: Floats, made: Floats, modulation: Floats, which: int) -> None:
    """Adds to `x` (n, r, C) what was `made` of it, scaled and shifted.

    `made` may be fewer than n and serves in turn. `modulation` is (n, 6, C): scale and shift, three times.
    """
    assert x.shape[1:] == made.shape[1:] and modulation.shape == (len(x), 6, x.shape[2])
    _add_modulated(x, made, modulation, len(x), len(made), *x.shape[1:], which)


def normalise(x: Floats, norm: Floats, normal: Floats) -> None:
    """Fills `normal` with the rows of `x` (n, r, C) at mean 0 and variance 1, then led by `norm` (2, C)."""
    channels = x.shape[-1]
    assert x.shape == normal.shape and norm.shape == (2, channels) and channels % 16 == 0
    _normalise(normal, x, norm, x.size // channels, channels, EPSILON)


def turn(x: Floats, positions: Floats, turned: Floats) -> None:
    """Fills `turned` with `x` (n, r, C), each pair of channels turned by its cosine and sine in (r, C)."""
    assert x.shape == turned.shape and positions.shape == x.shape[1:]
    _turn(turned, x, positions, *x.shape)
