"""Constant folding: computes beforehand what no input of a graph can change."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import onnx
from google.protobuf.internal.containers import RepeatedCompositeFieldContainer
from onnx import helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

Array = npt.NDArray[np.generic]
Types = dict[str, onnx.TypeProto]
MAX_GAIN = 1 << 22  # numbers; an operator that makes more than that of less is left to do so
MAX_SHAPE_NUMBERS = 64  # numbers; a longer constant is no shape or scale, and says nothing about other shapes
OPEN_SIZE = np.iinfo(np.int64).min  # no size that a model could mean
RANDOM = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial"}


def fold_constants(model: onnx.ModelProto) -> None:
    """Leaves the model fewer operators. Its inputs, outputs and results stay as they were.

    One pass in the order of the graph: what is constant is worked out, and the shape of everything
    else inferred at once, so that shapes asked for later on are constants too.
    """
    graph = model.graph
    del graph.value_info[:]  # what an exporter guessed is not always right
    outputs = {value.name for value in graph.output}
    pass_ = _Pass(model)
    for node in graph.node:
        values = None if outputs.intersection(node.output) else pass_.values(node)
        if values is None:
            pass_.infer(node)
        else:
            pass_.learn(zip(node.output, values, strict=True))
    keep_only(graph.node, [not pass_.found.keys() & set(node.output) for node in graph.node])
    wanted = {name for node in graph.node for name in read_by(node)}
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value, order="C"), name)
        for name, value in pass_.found.items()
        if name in wanted
    )
    drop_unused(graph)
    for value in graph.output:
        _tell_sizes(value.type, pass_.types.get(value.name))
    made = {name for node in graph.node for name in node.output} - outputs
    graph.value_info.extend(
        onnx.ValueInfoProto(name=name, type=kind) for name, kind in pass_.types.items() if name in made
    )


def static_shape(kind: onnx.TypeProto | None) -> tuple[int, ...] | None:
    """The shape of a tensor whose every axis has one known size."""
    if kind is None or not kind.tensor_type.HasField("shape"):
        return None
    axes = kind.tensor_type.shape.dim
    if not all(axis.HasField("dim_value") for axis in axes):
        return None
    return tuple(axis.dim_value for axis in axes)


def _tell_sizes(kind: onnx.TypeProto, inferred: onnx.TypeProto | None) -> None:
    """Sizes that were open in an output and are not any more."""
    axes = kind.tensor_type.shape.dim
    if inferred is None or len(inferred.tensor_type.shape.dim) != len(axes):
        return
    for axis, found in zip(axes, inferred.tensor_type.shape.dim, strict=True):
        if found.HasField("dim_value"):
            axis.dim_value = found.dim_value


def drop_unused(graph: onnx.GraphProto) -> None:
    """Removes operators and weights that no output depends on."""
    needed = {value.name for value in graph.output}
    used = []
    for node in reversed(graph.node):
        used.append(bool(needed.intersection(node.output)))
        if used[-1]:
            needed.update(read_by(node))
    keep_only(graph.node, used[::-1])
    keep_only(graph.initializer, [tensor.name in needed for tensor in graph.initializer])


def read_by(node: onnx.NodeProto) -> Iterator[str]:
    """Names a node reads, those read inside its branches and loop bodies too."""
    yield from node.input
    for attribute in node.attribute:
        if attribute.HasField("g"):
            for inner in attribute.g.node:
                yield from read_by(inner)
            yield from (value.name for value in attribute.g.output)


def keep_only(field: RepeatedCompositeFieldContainer, keep: list[bool]) -> None:
    """Removes entries of a repeated field in place: copying weights would take as long as all the rest."""
    for place in range(len(keep) - 1, -1, -1):
        if not keep[place]:
            del field[place]


class _Pass:
    """Knowledge of a graph's tensors while going through it."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._imports = model.opset_import
        self._versions = {opset.domain: opset.version for opset in model.opset_import}
        self._weights = {tensor.name: tensor for tensor in model.graph.initializer}
        self.found: dict[str, Array] = {}
        self.types: Types = {
            t.name: helper.make_tensor_type_proto(t.data_type, t.dims) for t in model.graph.initializer
        }
        self.types |= {value.name: value.type for value in model.graph.input}
        self._sizes: dict[str, Array] = {}  # what Shape gives, with OPEN_SIZE for axes that are

    def learn(self, constants: Iterable[tuple[str, Array]]) -> None:
        for name, value in constants:
            self.found[name] = value
            kind = helper.np_dtype_to_tensor_dtype(value.dtype)
            self.types[name] = helper.make_tensor_type_proto(kind, value.shape)

    def values(self, node: onnx.NodeProto) -> list[Array] | None:
        """Results of a node that do not depend on the input."""
        if (sizes := self._of_a_shape(node)) is not None:
            return [sizes]
        if node.domain or node.op_type in RANDOM or any(a.HasField("g") for a in node.attribute):
            return None
        names = [name for name in node.input if name]
        if not all(name in self.found or name in self._weights for name in names):
            return None
        given = {name: self._value(name) for name in names}
        if self._swells(node, sum(array.size for array in given.values())):
            return None
        return self._run(node, given)

    def _run(self, node: onnx.NodeProto, given: Mapping[str, Array]) -> list[Array]:
        single = helper.make_graph(
            [node],
            "single",
            [helper.make_value_info(name, onnx.TypeProto()) for name in given],
            [helper.make_value_info(name, onnx.TypeProto()) for name in node.output],
        )
        runnable = helper.make_model(single, opset_imports=self._imports)
        return [np.asarray(value) for value in ReferenceEvaluator(runnable).run(None, dict(given))]

    def _of_a_shape(self, node: onnx.NodeProto) -> Array | None:
        """The sizes asked for by a Shape, or picked from one, if those axes at least are fixed."""
        first = node.input[0] if node.input else ""
        if node.op_type == "Shape" and first in self.types:
            axes = self.types[first].tensor_type.shape.dim
            if not self.types[first].tensor_type.HasField("shape"):
                return None
            sizes = np.array([axis.dim_value if axis.HasField("dim_value") else OPEN_SIZE for axis in axes])
            bounds = {attribute.name: attribute.i for attribute in node.attribute}
            picked: Array = sizes.astype(np.int64)[bounds.get("start", 0) : bounds.get("end")]
            self._sizes[node.output[0]] = picked
        elif node.op_type in ("Gather", "Slice") and first in self._sizes:
            rest = node.input[1:]
            if not all(name in self.found or name in self._weights for name in rest):
                return None
            given = {first: self._sizes[first], **{name: self._value(name) for name in rest}}
            (picked,) = self._run(node, given)
        else:
            return None
        return None if (picked == OPEN_SIZE).any() else picked

    def infer(self, node: onnx.NodeProto) -> None:
        """The shapes of what a node gives, where its operator is a standard one."""
        self.types |= self._inferred(node)

    def _value(self, name: str) -> Array:
        return self.found[name] if name in self.found else numpy_helper.to_array(self._weights[name])

    def _swells(self, node: onnx.NodeProto, given: int) -> bool:
        shapes = (static_shape(kind) for kind in self._inferred(node).values())
        return sum(math.prod(shape) for shape in shapes if shape) > given + MAX_GAIN

    def _inferred(self, node: onnx.NodeProto) -> Types:
        names = [name for name in node.input if name]
        if node.domain not in self._versions or not all(name in self.types for name in names):
            return {}
        try:
            schema = onnx.defs.get_schema(node.op_type, self._versions[node.domain], node.domain)
            inferred: Types = shape_inference.infer_node_outputs(
                schema,
                node,
                {name: self.types[name] for name in names},
                {name: tensor for name in names if (tensor := self._telling(name)) is not None},
                opset_imports=list(self._imports),
            )
        except (onnx.defs.SchemaError, shape_inference.InferenceError):
            return {}  # an operator of somebody's own; what follows from it stays open
        return inferred

    def _telling(self, name: str) -> onnx.TensorProto | None:
        if name in self.found and self.found[name].size <= MAX_SHAPE_NUMBERS:
            return numpy_helper.from_array(self.found[name], name)
        weight = self._weights.get(name)
        return weight if weight is not None and math.prod(weight.dims) <= MAX_SHAPE_NUMBERS else None
