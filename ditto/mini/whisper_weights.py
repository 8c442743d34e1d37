"""Whisper's encoder as ONNX, from the weights of a CTranslate2 model file."""

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
    """An ONNX model: `mel` (batch, 80, frames) to `features` (batch, frames / 2, 384).

    At most 3000 frames, 100 a second. Weights keep their 16 bits and are widened on loading.
    """
    import onnx
    from onnx import TensorProto, helper

    graph = _Encoder(variables)
    graph.build()
    mels, width = variables["conv1/weight"].shape[1], len(variables["conv2/bias"])
    made = helper.make_graph(
        graph.nodes,
        "whisper_encoder",
        [helper.make_tensor_value_info("mel", TensorProto.FLOAT, ["batch", mels, "frames"])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", "half_frames", width])],
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
        layers = {name.split("/")[0] for name in self._variables if name.startswith("layer_")} - {
            "layer_norm"
        }
        for layer in range(len(layers)):
            x = self._layer(x, f"layer_{layer}")
        self._op("Identity", self._norm(x, "layer_norm"), output="features")

    def _layer(self, x: str, at: str) -> str:
        normed = self._norm(x, f"{at}/self_attention/layer_norm")
        x = self._op("Add", x, self._attention(normed, f"{at}/self_attention"))
        hidden = self._linear(self._norm(x, f"{at}/ffn/layer_norm"), f"{at}/ffn/linear_0")
        return self._op("Add", x, self._linear(self._op("Gelu", hidden), f"{at}/ffn/linear_1"))

    def _attention(self, x: str, at: str) -> str:
        width = len(self._variables[f"{at}/linear_1/bias"])
        each = width // self._heads
        apart = self._constant(np.array([0, 0, 3, self._heads, each]))
        joined = self._op("Reshape", self._linear(x, f"{at}/linear_0"), apart)
        parts = self._op("Transpose", joined, perm=[2, 0, 3, 1, 4])  # (3, batch, heads, frames, each)
        query, key, value = (
            self._op("Gather", parts, self._constant(np.array(part)), axis=0) for part in range(3)
        )
        likeness = self._op("MatMul", query, self._op("Transpose", key, perm=[0, 1, 3, 2]))
        likeness = self._op("Mul", likeness, self._constant(np.float32(each**-0.5)))
        mixed = self._op("MatMul", self._op("Softmax", likeness, axis=-1), value)
        together = self._constant(np.array([0, 0, width]))
        merged = self._op("Reshape", self._op("Transpose", mixed, perm=[0, 2, 1, 3]), together)
        return self._linear(merged, f"{at}/linear_1")

    def _convolution(self, x: str, name: str, stride: int) -> str:
        weight, bias = self._weight(f"{name}/weight"), self._weight(f"{name}/bias")
        return self._op("Conv", x, weight, bias, kernel_shape=[3], pads=[1, 1], strides=[stride])

    def _linear(self, x: str, name: str) -> str:
        product = self._op("MatMul", x, self._weight(f"{name}/weight", transposed=True))
        return self._op("Add", product, self._weight(f"{name}/bias"))

    def _norm(self, x: str, name: str) -> str:
        gain, shift = self._weight(f"{name}/gamma"), self._weight(f"{name}/beta")
        return self._op("LayerNormalization", x, gain, shift, axis=-1, epsilon=NORM_EPSILON)

    def _weight(self, name: str, transposed: bool = False) -> str:
        values = self._variables[name]
        stored = self._constant((values.T if transposed else values).astype("<f2"))
        return self._op("Cast", stored, to=1)

    def _constant(self, values: Any) -> str:
        from onnx import numpy_helper

        name = f"constant_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def _op(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        from onnx import helper

        output = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output
