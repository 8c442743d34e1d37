"""What the face networks of the official pack ask of a loaded network.

The same network comes as several files that name their outputs differently (a converted ONNX
file, the maker's own, one made from TFLite). Their shapes do not differ, so shapes tell outputs apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from cfg.errors import ModelError
from ditto.arrays import Floats


class Network(Protocol):
    """The part of a loaded model that is used here: named arrays in, named arrays out."""

    def run(self, feeds: Mapping[str, Any]) -> Mapping[str, Any]: ...


def output_with(values: int, outputs: Mapping[str, Floats], network: str) -> Floats:
    """The one output that holds so many numbers, flattened."""
    found = [array for array in outputs.values() if array.size == values]
    if len(found) != 1:
        raise ModelError(
            f"{network}: one output of {values} numbers is needed, but the network gives {_shapes(outputs)}"
        )
    return found[0].reshape(-1)


def rows_of(width: int, outputs: Mapping[str, Floats], network: str) -> list[Floats]:
    """(n, width) arrays, the one with most rows first."""
    found = [array.reshape(-1, width) for array in outputs.values() if array.shape[-1] == width]
    if not found:
        raise ModelError(
            f"{network}: an output with rows of {width} is needed, but the network gives {_shapes(outputs)}"
        )
    return sorted(found, key=len, reverse=True)


def _shapes(outputs: Mapping[str, Floats]) -> str:
    return ", ".join(f"{name} {list(array.shape)}" for name, array in outputs.items())
