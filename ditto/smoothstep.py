"""A smooth step, of arrays and of numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ditto.arrays import Numbers


def ramp(x: Numbers | float, a: float, b: float) -> npt.NDArray[np.float32]:
    """0 below a, 1 above b, smooth between."""
    t = np.clip((np.asarray(x, np.float32) - a) / (b - a), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def smoothstep(x: float, a: float, b: float) -> float:
    """The same of one number."""
    t = clamped((x - a) / (b - a), 0.0, 1.0)
    return t * t * (3 - 2 * t)


def clamped(x: float, low: float, high: float) -> float:
    """The nearest number from low to high."""
    return float(min(max(x, low), high))


def soft_limit(value: float, low: float, high: float) -> float:
    """`value` unchanged up to two thirds of a limit, then approaching it."""
    limit = high if value > 0 else -low
    knee = limit * 2 / 3
    size = abs(value)
    if size > knee:
        size = knee + (limit - knee) * float(np.tanh((size - knee) / (limit - knee)))
    return size if value > 0 else -size
