"""A smooth step."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def ramp(x: npt.NDArray[np.floating[Any]] | float, a: float, b: float) -> npt.NDArray[np.float32]:
    """0 below a, 1 above b, smooth between."""
    t = np.clip((np.asarray(x, np.float32) - a) / (b - a), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)
