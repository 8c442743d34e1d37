"""Comparison of two forms of one network on made-up numbers, by Polygraphy."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import onnx
from onnx import helper

from cfg.errors import ModelError
from model_formats.backend import Backend, NetworkArray
from model_formats.onnx_file import LOAD_ERRORS
from model_formats.polygraphy_tools import listening

if TYPE_CHECKING:
    from polygraphy.backend.base import BaseRunner
    from polygraphy.common import TensorMetadata
    from polygraphy.comparator import DataLoader

Chosen = TypeVar("Chosen")


@dataclass(frozen=True)
class Apart:
    """Difference of one output from what it should be, as shares of the largest value it should have."""

    output: str
    largest: float
    mean: float
    allowed: float
    too_far: bool


@dataclass(frozen=True)
class Comparison:
    """Every output of two forms of a network."""

    outputs: tuple[Apart, ...]
    table: str  # Polygraphy's own: statistics and histograms

    @property
    def too_far(self) -> bool:
        return any(apart.too_far for apart in self.outputs)


def example_data(
    graph: onnx.GraphProto, sizes: Mapping[str, int], spreads: Mapping[str, float], highest: Mapping[str, int]
) -> DataLoader:
    """A Polygraphy data loader: numbers of the given spread (1 otherwise), integers below `highest`.

    `sizes` are of open axes, by the name of the axis or of its input.
    """
    from polygraphy.common import TensorMetadata
    from polygraphy.comparator import DataLoader

    inputs = TensorMetadata()
    ranges: dict[str, tuple[float, float]] = {}
    for value in graph.input:
        shape = [
            axis.dim_value if axis.HasField("dim_value") else chosen(sizes, value.name, axis.dim_param, i)
            for i, axis in enumerate(value.type.tensor_type.shape.dim)
        ]
        kind = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        inputs.add(value.name, kind, shape)
        if np.issubdtype(kind, np.floating):
            reach = math.sqrt(3) * spreads.get(value.name, 1.0)  # of evenly spread numbers
            ranges[value.name] = (-reach, reach)
        else:
            ranges[value.name] = (0, highest.get(value.name, 2) - 1)
    return DataLoader(input_metadata=inputs, val_range=ranges)


def chosen(table: Mapping[str, Chosen], name: str, axis: str, place: int) -> Chosen:
    """Entry of a table for an open axis: by the axis, by its input, or as the batch if it comes first."""
    for key in (axis, name, "batch" if place == 0 else axis):
        if key in table:
            return table[key]
    raise ModelError(
        f"input '{name}' has an open axis '{axis}'; say its sizes, e.g. --range {axis or name}=1,1,4"
    )


def graph_runner(model: onnx.ModelProto, name: str) -> BaseRunner:
    """A graph, run by ONNX Runtime on the processor, as a Polygraphy runner."""
    from polygraphy.backend.onnxrt import OnnxrtRunner, SessionFromOnnx

    return OnnxrtRunner(SessionFromOnnx(model.SerializeToString()), name)


def backend_runner(backend: Backend, data: DataLoader, name: str) -> BaseRunner:
    """A network as this package runs it, as a Polygraphy runner; it takes what the data loader gives."""
    from polygraphy.backend.base import BaseRunner

    class Runner(BaseRunner):  # type: ignore[misc]
        def get_input_metadata_impl(self) -> TensorMetadata:
            return data.user_input_metadata

        def infer_impl(self, feed_dict: Mapping[str, NetworkArray]) -> dict[str, NetworkArray]:
            began = time.perf_counter()
            given = backend.run(feed_dict)
            self.inference_time = time.perf_counter() - began
            return given

    return Runner(name)


def compared(exact: BaseRunner, other: BaseRunner, data: DataLoader, allowed: float) -> Comparison:
    """Two Polygraphy runners on the same data; `allowed` is a share of each output's largest value."""
    from polygraphy.comparator import Comparator, SimpleCompareFunc
    from polygraphy.exception import PolygraphyException

    with listening() as words, np.errstate(invalid="ignore"):
        try:
            ran = Comparator.run([exact, other], data_loader=data)
        except (PolygraphyException, *LOAD_ERRORS) as error:
            raise ModelError(f"{exact.name} and {other.name} cannot be compared: {error}") from error
        wanted, given = (iterations[0] for _, iterations in ran)
        if set(wanted) != set(given):
            raise ModelError(f"{other.name} gives {', '.join(given)}, not {', '.join(wanted)}")
        largest = {name: float(np.abs(array).max(initial=0)) or 1.0 for name, array in wanted.items()}
        within = {name: allowed * scale for name, scale in largest.items()}
        check = SimpleCompareFunc(atol=within, rtol=0.0, check_error_stat="max")
        results = Comparator.compare_accuracy(ran, comparisons=[(1, 0)], compare_func=check)
    matches = results[0][other.name, exact.name][0]
    return Comparison(
        tuple(
            Apart(
                name,
                largest=getattr(matches[name], "max_absdiff", math.nan) / scale,  # none of unlike shapes
                mean=getattr(matches[name], "mean_absdiff", math.nan) / scale,
                allowed=allowed,
                too_far=not (matches[name] and math.isfinite(scale)),
            )
            for name, scale in largest.items()
        ),
        words.everything(),
    )
