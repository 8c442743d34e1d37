"""The types that the official pack makes of a source and of a moved one."""

from __future__ import annotations

from model_formats.backend import NetworkArray

# (1, 32, 16, 64, 64) features: NumPy's on a processor, else an array of the device's library.
Volume = NetworkArray
# (1, 256, 64, 64) features, likewise.
Features = NetworkArray
