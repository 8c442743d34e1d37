"""An ONNX graph under construction, which knows how each tensor of a TFLite network is laid out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cfg.errors import ModelError
from ditto.faces.tflite_file import Array, Network

if TYPE_CHECKING:
    import onnx

OPSET = 20
TO_PLANAR = (0, 3, 1, 2)  # (n, height, width, channels) to (n, channels, height, width)
TO_PLAIN = (0, 2, 3, 1)
MAX_HALF = 65_504.0
MAX_INTEGERS = 16
MAX_WEIGHT_BYTES = 1 << 28
ACTIVATIONS = {1: ("Relu", ()), 2: ("Clip", (-1.0, 1.0)), 3: ("Clip", (0.0, 6.0)), 4: ("Tanh", ())}


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One ONNX operator with a single result."""

    kind: str
    inputs: tuple[str, ...]
    output: str
    attributes: Mapping[str, object]


class Graph:
    """Collects nodes and weights.

    TFLite keeps pictures as (n, height, width, channels), "plain" here; ONNX convolves "planar" ones,
    (n, channels, height, width). A tensor exists in the layout it was made in, and in the other one
    from the moment somebody asks for it.
    """

    def __init__(self, network: Network, half: bool) -> None:
        self._network = network
        self._half = half
        self._plain = {number: network.tensor(number).name for number in network.inputs}
        self._planar: dict[int, str] = {}
        self._same = {number: number for number in range(len(network.tensors))}
        self._names = 0
        self._weight_bytes = 0
        self.nodes: list[Node] = []
        self.weights: dict[str, Array] = {}

    def shape(self, tensor: int) -> tuple[int, ...]:
        return self._network.tensor(tensor).shape

    def picture_shape(self, tensor: int) -> tuple[int, int, int, int]:
        """(n, height, width, channels) of a tensor that has to have four dimensions."""
        shape = self.shape(tensor)
        if len(shape) != 4:
            raise ModelError(f"a picture is needed, but the tensor has shape {shape}")
        return shape[0], shape[1], shape[2], shape[3]

    def is_constant(self, tensor: int) -> bool:
        return bool(self._network.tensor(self._stored(tensor)).data)

    def constant(self, tensor: int) -> Array:
        """A stored tensor, its numbers widened to float32 or int64."""
        stored = self._network.constant(self._stored(tensor))
        return stored.astype(np.float32 if stored.dtype.kind == "f" else np.int64)

    def integers(self, tensor: int) -> list[int]:
        """A stored tensor of a few whole numbers, such as axes or amounts, one after the other."""
        stored = self.constant(tensor)
        if stored.size > MAX_INTEGERS:
            raise ModelError(f"{stored.size} axes or amounts, but at most {MAX_INTEGERS} are accepted")
        return [int(number) for number in stored.reshape(-1)]

    def stands_for(self, tensor: int, stored: int) -> None:
        """From now on `tensor` is the constant `stored`, in another precision."""
        self._same[tensor] = self._stored(stored)

    def _stored(self, tensor: int) -> int:
        if tensor not in self._same:
            raise ModelError(f"tensor {tensor} does not exist; there are {len(self._same)}")
        return self._same[tensor]

    def planar(self, tensor: int) -> str:
        """Name of the tensor as (n, channels, height, width); a constant gets leading ones."""
        if tensor not in self._planar:
            self._planar[tensor] = self._to_planar(tensor)
        return self._planar[tensor]

    def plain(self, tensor: int) -> str:
        """Name of the tensor as TFLite lays it out."""
        if tensor not in self._plain:
            self._plain[tensor] = self._to_plain(tensor)
        return self._plain[tensor]

    def made_planar(self, tensor: int, name: str) -> None:
        self._planar[tensor] = name

    def made_plain(self, tensor: int, name: str) -> None:
        self._plain[tensor] = name

    def _to_planar(self, tensor: int) -> str:
        if self.is_constant(tensor):
            values = self.constant(tensor)
            return self.learned(values.reshape((1,) * (4 - values.ndim) + values.shape).transpose(TO_PLANAR))
        self.picture_shape(tensor)
        return self.node("Transpose", [self.plain(tensor)], {"perm": TO_PLANAR})

    def _to_plain(self, tensor: int) -> str:
        if tensor in self._planar:
            return self.node("Transpose", [self._planar[tensor]], {"perm": TO_PLAIN})
        if self.is_constant(tensor):
            return self.learned(self.constant(tensor))
        raise ModelError(f"tensor '{self._network.tensor(tensor).name}' is used before it is computed")

    def node(self, kind: str, inputs: Sequence[str], attributes: Mapping[str, object] | None = None) -> str:
        """The name of what the operator gives."""
        output = self._fresh()
        self.nodes.append(Node(kind, tuple(inputs), output, attributes or {}))
        return output

    def activated(self, name: str, code: int) -> str:
        """Result of the activation fused into a TFLite operator."""
        if code == 0:
            return name
        if code not in ACTIVATIONS:
            raise ModelError(f"activation {code} is not known; known are {sorted(ACTIVATIONS)}")
        kind, limits = ACTIVATIONS[code]
        return self.node(kind, [name, *(self.floats(limit) for limit in limits)])

    def learned(self, values: Array) -> str:
        """A weight of the network, stored in half precision where that was asked for."""
        if values.dtype != np.float32:
            return self._store(values)
        if not self._half or not np.abs(values).max() <= MAX_HALF:
            return self._store(values)
        return self.node("Cast", [self._store(values.astype(np.float16))], {"to": 1})

    def floats(self, values: object) -> str:
        """Numbers of the conversion itself, stored exactly."""
        return self._store(np.asarray(values, np.float32))

    def whole(self, *values: int) -> str:
        """A list of integers, as sizes and axes are given."""
        return self._store(np.array(values, np.int64))

    def _store(self, values: Array) -> str:
        self._weight_bytes += values.nbytes
        if self._weight_bytes > MAX_WEIGHT_BYTES:
            raise ModelError(f"more than {MAX_WEIGHT_BYTES >> 20} MiB of weights; not a face network")
        name = self._fresh()
        self.weights[name] = np.ascontiguousarray(values).reshape(values.shape)
        return name

    def _fresh(self) -> str:
        self._names += 1
        return f"value/{self._names}"

    def to_onnx(self) -> bytes:
        """The finished model, checked."""
        from onnx import checker, helper, numpy_helper, shape_inference

        outputs = {number: self.plain(number) for number in self._network.outputs}
        make: Callable[..., onnx.NodeProto] = helper.make_node
        nodes = [make(n.kind, n.inputs, [n.output], **n.attributes) for n in self.nodes]
        for number, name in outputs.items():
            nodes.append(helper.make_node("Identity", [name], [self._network.tensor(number).name]))
        graph = helper.make_graph(
            nodes,
            "tflite",
            [self._declare(number) for number in self._network.inputs],
            [self._declare(number) for number in outputs],
            [numpy_helper.from_array(values, name) for name, values in self.weights.items()],
        )
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=9, producer_name="ditto-engine")
        try:
            checker.check_model(model, full_check=True)
        except (checker.ValidationError, shape_inference.InferenceError) as error:
            raise ModelError(f"the operators of the network do not fit together: {error}") from error
        return bytes(model.SerializeToString())

    def _declare(self, number: int) -> onnx.ValueInfoProto:
        from onnx import TensorProto, helper

        tensor = self._network.tensor(number)
        if tensor.kind != 0:
            raise ModelError(f"tensor '{tensor.name}' goes in or out, and is not of 32-bit floats")
        return helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, tensor.shape)


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Pixels to add (before, after), so that the result has one pixel per stride."""
    covered = (math.ceil(size / stride) - 1) * stride + (kernel - 1) * dilation + 1
    missing = max(covered - size, 0)
    return missing // 2, missing - missing // 2
