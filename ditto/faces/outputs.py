"""Outputs of a face network told apart by their shapes.

The same network comes as several files that name their outputs differently (a converted ONNX
file, the maker's own, one made from TFLite). Their shapes do not differ.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cfg.errors import ModelError
from ditto.arrays import Numbers
from model_formats.backend import NetworkArray


def output_with(values: int, outputs: Mapping[str, NetworkArray], network: str) -> Numbers:
    """The one output that holds so many numbers, flattened."""
    found = [array for array in map(np.asarray, outputs.values()) if array.size == values]
    if len(found) != 1:
        raise ModelError(
            f"{network}: one output of {values} numbers is needed, but the network gives {_shapes(outputs)}"
        )
    return found[0].reshape(-1)


def rows_of(width: int, outputs: Mapping[str, NetworkArray], network: str) -> list[Numbers]:
    """(n, width) arrays, the one with most rows first."""
    found = [
        array.reshape(-1, width) for array in map(np.asarray, outputs.values()) if array.shape[-1] == width
    ]
    if not found:
        raise ModelError(
            f"{network}: an output with rows of {width} is needed, but the network gives {_shapes(outputs)}"
        )
    return sorted(found, key=len, reverse=True)


def _shapes(outputs: Mapping[str, NetworkArray]) -> str:
    return ", ".join(f"{name} {list(array.shape)}" for name, array in outputs.items())
