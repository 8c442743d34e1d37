"""The types that the official pack makes of a source and of a moved one."""

from __future__ import annotations

from typing import Any

# (1, 32, 16, 64, 64) features: NumPy's on a processor, else an array of the device's library.
Volume = Any
# (1, 256, 64, 64) features, likewise.
Features = Any
