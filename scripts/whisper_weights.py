"""The lower layers of Whisper's encoder as ONNX, from the weights of a CTranslate2 model file."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from cfg.errors import ModelError

Array = npt.NDArray[Any]

STORED_AS = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2"}
NORM_EPSILON = 1e-5
LAYERS = 3  # of the four: lips are easier to read before the last one
MAX_QUANTISED_WEIGHT = 63  # of a weight in 7 bits: sums of 16-bit products cannot overflow on any processor


def read_variables(path: Path, prefix: str) -> dict[str, Array]:
    """The variables whose names start with `prefix`, by the rest of their name."""
    found: dict[str, Array] = {}
    with path.open("rb") as file:
        (version,) = _numbers(file, "I")
        if version != 6:
            raise ModelError(f"{path}: CTranslate2 binary version {version}, but only 6 can be read")
        _text(file)
        _, count = _numbers(file, "II")
        for _ in range(count):
            name = _text(file)
            (rank,) = _numbers(file, "B")
            shape = _numbers(file, f"{rank}I")
            kind, size = _numbers(file, "BI")
            data = file.read(size)
            if name.startswith(prefix):
                found[name.removeprefix(prefix)] = np.frombuffer(data, STORED_AS[kind]).reshape(shape)
    if not found:
        raise ModelError(f"{path}: no variable starts with '{prefix}'")
    return found


def _numbers(file: BinaryIO, layout: str) -> tuple[int, ...]:
    return struct.unpack(f"<{layout}", file.read(struct.calcsize(f"<{layout}")))


def _text(file: BinaryIO) -> str:
    (length,) = _numbers(file, "H")
    return file.read(length).rstrip(b"\0").decode()


def encoder_graph(variables: dict[str, Array]) -> Any:
    """An ONNX model of the lowest LAYERS layers that gives what its last two make of a sound.

    `mel` (batch, 80, frames), at most 3000 frames, 100 a second, and `wanted` (2,), the first row and
    the one after the last, to `features` (batch, rows, 768), 50 rows a second. Matrices are kept in 7
    bits, one scale for each column; what they are multiplied with is rounded to 8 bits on the way.
    """
    import onnx
    from onnx import TensorProto, helper

    graph = _Encoder(variables)
    graph.build()
    mels, width = variables["conv1/weight"].shape[1], len(variables["conv2/bias"])
    made = helper.make_graph(
        graph.nodes,
        "whisper_encoder",
        [
            helper.make_tensor_value_info("mel", TensorProto.FLOAT, ["batch", mels, "frames"]),
            helper.make_tensor_value_info("wanted", TensorProto.INT64, [2]),
        ],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", "rows", 2 * width])],
        graph.weights,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model


class _Encoder:
    """The nodes of the encoder, in order. A tensor is known by its name."""

    def __init__(self, variables: dict[str, Array]) -> None:
        self._variables = variables
        self._heads = int(variables["num_heads"])
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def build(self) -> None:
        x = self._op("Gelu", self._convolution("mel", "conv1", stride=1))
        x = self._op("Gelu", self._convolution(x, "conv2", stride=2))
        x = self._op("Transpose", x, perm=[0, 2, 1])
        length = self._op("Shape", x, start=1, end=2)
        start = self._constant(np.array([0]))
        places = self._op("Slice", self._weight("position_encodings/encodings"), start, length, start)
        x = self._op("Add", x, places)
        for layer in range(LAYERS - 1):
            x = self._layer(x, x, f"layer_{layer}")
        first, end = (
            self._op("Slice", "wanted", *(self._constant(np.array([n])) for n in (part, part + 1)))
            for part in (0, 1)
        )
        asked = self._op("Slice", x, first, end, self._constant(np.array([1])))
        last = self._layer(x, asked, f"layer_{LAYERS - 1}")
        self._op("Concat", asked, last, output="features", axis=-1)

    def _layer(self, x: str, asked: str, at: str) -> str:
        """The rows that are asked for, from all of them."""
        asked = self._op("Add", asked, self._attention(x, asked, f"{at}/self_attention"))
        hidden = self._linear(self._norm(asked, f"{at}/ffn/layer_norm"), f"{at}/ffn/linear_0")
        return self._op("Add", asked, self._linear(self._op("Gelu", hidden), f"{at}/ffn/linear_1"))

    def _attention(self, x: str, asked: str, at: str) -> str:
        width = len(self._variables[f"{at}/linear_1/bias"])
        normed = self._norm(x, f"{at}/layer_norm")
        normed_asked = normed if asked == x else self._norm(asked, f"{at}/layer_norm")
        query, key, value = (
            self._heads_apart(
                self._linear(rows, f"{at}/linear_0", slice(part * width, (part + 1) * width)), order
            )
            for part, (rows, order) in enumerate(
                ((normed_asked, [0, 2, 1, 3]), (normed, [0, 2, 3, 1]), (normed, [0, 2, 1, 3]))
            )
        )
        likeness = self._op("MatMul", query, key)
        likeness = self._op("Mul", likeness, self._constant(np.float32((width // self._heads) ** -0.5)))
        mixed = self._op("MatMul", self._op("Softmax", likeness, axis=-1), value)
        together = self._constant(np.array([0, 0, width]))
        merged = self._op("Reshape", self._op("Transpose", mixed, perm=[0, 2, 1, 3]), together)
        return self._linear(merged, f"{at}/linear_1")

    def _heads_apart(self, x: str, order: list[int]) -> str:
        apart = self._constant(np.array([0, 0, self._heads, -1]))
        return self._op("Transpose", self._op("Reshape", x, apart), perm=order)

    def _convolution(self, x: str, name: str, stride: int) -> str:
        weight, bias = self._weight(f"{name}/weight"), self._weight(f"{name}/bias")
        return self._op("Conv", x, weight, bias, kernel_shape=[3], pads=[1, 1], strides=[stride])

    def _linear(self, x: str, name: str, part: slice = slice(None)) -> str:
        """All outputs, or a part of them."""
        weight = self._variables[f"{name}/weight"][part].astype(np.float32).T
        step = np.abs(weight).max(axis=0) / MAX_QUANTISED_WEIGHT
        whole = self._constant(np.rint(weight / step).astype(np.int8))
        small, scale, zero = self._rounding(x)
        product = self._op("Cast", self._op("MatMulInteger", small, whole, zero), to=1)
        product = self._op("Mul", product, self._op("Mul", scale, self._constant(step)))
        return self._op(
            "Add", product, self._constant(self._variables[f"{name}/bias"][part].astype(np.float32))
        )

    def _norm(self, x: str, name: str) -> str:
        gain, shift = self._weight(f"{name}/gamma"), self._weight(f"{name}/beta")
        return self._op("LayerNormalization", x, gain, shift, axis=-1, epsilon=NORM_EPSILON)

    def _weight(self, name: str) -> str:
        return self._op("Cast", self._constant(self._variables[name].astype("<f2")), to=1)

    def _constant(self, values: Any) -> str:
        from onnx import numpy_helper

        name = f"constant_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def _rounding(self, x: str) -> tuple[str, str, str]:
        """The tensor in 8 bits, its scale and its zero."""
        from onnx import helper

        outputs = [f"{kind}_{len(self.nodes)}" for kind in ("small", "scale", "zero")]
        self.nodes.append(helper.make_node("DynamicQuantizeLinear", [x], outputs))
        small, scale, zero = outputs
        return small, scale, zero

    def _op(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        from onnx import helper

        output = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output
