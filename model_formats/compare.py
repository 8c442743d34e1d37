"""How far two forms of one network are apart, on numbers made up for the purpose."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from cfg.errors import ModelError
from model_formats.backend import Backend
from model_formats.opening import open_model

Array = npt.NDArray[Any]
Chosen = TypeVar("Chosen")


def example_feeds(
    graph: onnx.GraphProto, sizes: Mapping[str, int], spreads: Mapping[str, float], highest: Mapping[str, int]
) -> dict[str, Array]:
    """Arrays for every input: normal numbers of the given spread (1 otherwise), integers below `highest`.

    `sizes` are of open axes, by the name of the axis or of its input.
    """
    feeds: dict[str, Array] = {}
    for value in graph.input:
        shape = [
            axis.dim_value if axis.HasField("dim_value") else chosen(sizes, value.name, axis.dim_param, i)
            for i, axis in enumerate(value.type.tensor_type.shape.dim)
        ]
        generator = np.random.default_rng(zlib.crc32(value.name.encode()))
        kind = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        if np.issubdtype(kind, np.floating):
            drawn: Array = spreads.get(value.name, 1.0) * generator.standard_normal(shape)
        else:
            drawn = generator.integers(0, highest.get(value.name, 2), shape)
        feeds[value.name] = drawn.astype(kind)
    return feeds


def chosen(table: Mapping[str, Chosen], name: str, axis: str, place: int) -> Chosen:
    """What a table says of an open axis: by the axis, by its input, or as the batch if it comes first."""
    for key in (axis, name, "batch" if place == 0 else axis):
        if key in table:
            return table[key]
    raise ModelError(
        f"input '{name}' has an open axis '{axis}'; say its sizes, e.g. --range {axis or name}=1,1,4"
    )


def run_graph(path: Path, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """What ONNX Runtime gives on the processor."""
    session = open_model(path)
    try:
        return session.run(feeds)
    finally:
        session.close()


def largest_difference(network: Backend, feeds: Mapping[str, Array], wanted: Mapping[str, Array]) -> float:
    """Of any output from what is wanted, as a share of that output's largest value."""
    given = network.run(feeds)
    shares = [0.0]
    for name, exact in wanted.items():
        scale = float(np.abs(exact).max(initial=0)) or 1.0
        shares.append(float(np.abs(np.asarray(given[name], np.float64) - exact).max(initial=0)) / scale)
    return float(np.max(shares))  # no number at all if one of them is none
