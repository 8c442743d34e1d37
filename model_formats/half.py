"""Converts a graph to half precision, so that every runtime computes the same operators in it.

The heavy operators (convolutions, matrix products) and what lies between them work in half precision.
Places do not fit into it, half a cell is lost at 1024: what becomes of the inputs before the first
heavy operator, what makes a sampling grid after the last one, and the sampling itself stay single.
Inputs and outputs keep their types.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from cfg.errors import ModelError
from model_formats.fold_constants import drop_unused, fold_constants
from model_formats.rewrite import replace_nodes

HEAVY = {"Conv", "ConvTranspose", "Einsum", "Gemm", "MatMul"}
SINGLE = {"GridSample", "NonMaxSuppression", "Range", "ReduceL2", "ReduceSumSquare", "TopK"}
KEPT = {"Resize": (1, 2)}  # inputs that are of one type whatever the operator works in
TYPED = {"Cast": "to", "EyeLike": "dtype", "RandomNormal": "dtype", "RandomUniform": "dtype"}
MAX_HALF, MIN_HALF = float(np.finfo(np.float16).max), float(np.finfo(np.float16).tiny)
FLOAT, HALF = int(TensorProto.FLOAT), int(TensorProto.FLOAT16)


def to_half(model: onnx.ModelProto) -> int:
    """Rewrites the model in place; gives how many operators work in half precision."""
    fold_constants(model)
    graph = model.graph
    if any(attribute.HasField("g") for node in graph.node for attribute in node.attribute):
        raise ModelError("a graph with branches or loops cannot be put in half precision; keep it in fp32")
    kinds = _kinds(graph)
    single = single_operators(graph, kinds)
    conversion = _Conversion(graph, kinds)
    fresh = []
    for place, node in enumerate(graph.node):
        fresh.extend(conversion.converted(node, FLOAT if place in single else HALF))
    fresh.extend(conversion.outputs())
    replace_nodes(graph, fresh)
    graph.initializer.extend(conversion.weights())
    drop_unused(graph)
    fold_constants(model)
    return len(graph.node) - len(single)


def single_operators(graph: onnx.GraphProto, kinds: dict[str, int]) -> set[int]:
    """Places in the graph's list of the operators that stay in single precision."""
    extreme = {tensor.name for tensor in graph.initializer if _extreme(tensor)}
    chosen = {
        i
        for i, node in enumerate(graph.node)
        if node.op_type in SINGLE
        or node.domain
        or extreme.intersection(node.input)
        or not any(kinds.get(name) == FLOAT for name in node.output)  # a comparison, a count
    }
    maker = {name: i for i, node in enumerate(graph.node) for name in node.output}
    light = {value.name for value in graph.input}  # made of the inputs by no heavy operator
    for i, node in enumerate(graph.node):
        from_inputs = [name for name in node.input if name in maker or name in light]
        if node.op_type not in HEAVY and from_inputs and all(name in light for name in from_inputs):
            light.update(node.output)
            chosen.add(i)
    grids = [node.input[1] for node in graph.node if node.op_type == "GridSample"]
    chosen |= set(_leading_to(grids, graph, maker))
    return chosen


def _extreme(tensor: onnx.TensorProto) -> bool:
    """A single number that half precision turns into nothing or infinity, such as a small epsilon."""
    if tensor.data_type != FLOAT or math.prod(tensor.dims) != 1:
        return False
    size = abs(float(numpy_helper.to_array(tensor).reshape(-1)[0]))
    return 0 < size < MIN_HALF or size > MAX_HALF


def _leading_to(names: list[str], graph: onnx.GraphProto, maker: dict[str, int]) -> Iterable[int]:
    """Operators whose results reach the names without a heavy operator in between."""
    open_names, seen = list(names), set()
    while open_names:
        place = maker.get(open_names.pop())
        if place is None or place in seen or graph.node[place].op_type in HEAVY:
            continue
        seen.add(place)
        open_names.extend(graph.node[place].input)
    return seen


class _Conversion:
    """Gives every tensor the type its reader works in, by a cast where the two differ."""

    def __init__(self, graph: onnx.GraphProto, kinds: dict[str, int]) -> None:
        self._graph = graph
        self._weights = {tensor.name: tensor for tensor in graph.initializer}
        self._outputs = {value.name for value in graph.output}
        self._kinds = dict(kinds)  # as they are now
        self._halved: dict[str, onnx.TensorProto] = {}
        self._cast: set[str] = set()

    def converted(self, node: onnx.NodeProto, wanted: int) -> list[onnx.NodeProto]:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        made: list[onnx.NodeProto] = []
        for i, name in enumerate(copy.input):
            if self._kinds.get(name) in (FLOAT, HALF) and i not in KEPT.get(node.op_type, ()):
                copy.input[i] = self._as(name, wanted, made)
        if wanted == HALF:
            self._retype(copy)
        for i, name in enumerate(copy.output):
            if self._kinds.get(name) == FLOAT:
                if name in self._outputs and wanted == HALF:
                    copy.output[i] = f"{name}/half"
                    self._kinds[copy.output[i]] = HALF
                self._kinds[name] = wanted
        return [*made, copy]

    def outputs(self) -> list[onnx.NodeProto]:
        """Casts that give the graph's outputs their own type again."""
        return [
            helper.make_node("Cast", [f"{name}/half"], [name], f"{name}/cast", to=FLOAT)
            for name in sorted(self._outputs)
            if self._kinds.get(name) == HALF
        ]

    def weights(self) -> Iterable[onnx.TensorProto]:
        return self._halved.values()

    def _as(self, name: str, wanted: int, made: list[onnx.NodeProto]) -> str:
        if self._kinds[name] == wanted:
            return f"{name}/half" if name in self._outputs and wanted == HALF else name
        if name in self._weights:
            return self._half_weight(name)
        of = f"{name}/half" if name in self._outputs and wanted == FLOAT else name
        cast = f"{name}/{'half' if wanted == HALF else 'single'}"
        if cast not in self._cast:
            self._cast.add(cast)
            made.append(helper.make_node("Cast", [of], [cast], f"{cast}/cast", to=wanted))
        return cast

    def _half_weight(self, name: str) -> str:
        half = f"{name}/half"
        if half not in self._halved:
            values = numpy_helper.to_array(self._weights[name])
            if np.abs(values, where=np.isfinite(values), out=np.zeros_like(values)).max(initial=0) > MAX_HALF:
                raise ModelError(
                    f"weight '{name}' reaches beyond {MAX_HALF:.0f}, which half precision cannot hold; "
                    "keep this network in fp32"
                )
            self._halved[half] = numpy_helper.from_array(values.astype(np.float16), half)
        return half

    @staticmethod
    def _retype(node: onnx.NodeProto) -> None:
        """Types that an operator names itself."""
        for attribute in node.attribute:
            if attribute.name == TYPED.get(node.op_type) and attribute.i == FLOAT:
                attribute.i = HALF
            if node.op_type == "ConstantOfShape" and attribute.t.data_type == FLOAT:
                value = numpy_helper.to_array(attribute.t).astype(np.float16)
                attribute.t.CopyFrom(numpy_helper.from_array(value))


def _kinds(graph: onnx.GraphProto) -> dict[str, int]:
    found = {tensor.name: tensor.data_type for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        found[value.name] = value.type.tensor_type.elem_type
    return found
