"""Array types used throughout."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.floating[Any]]  # 32 or 64 bit
