"""Contents of a TensorFlow Lite file: tensors, operators and weights, read from the bytes alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cfg.errors import ModelError

Array = NDArray[np.generic]

MAX_OPERATORS = 4_096  # the largest face network has about 700, and 1100 tensors
MAX_TENSORS = 8_192
MAX_INPUTS = 64  # of one operator
MAX_ELEMENTS = 1 << 26  # of one tensor
MAX_NAME_BYTES = 1_024
MAX_OPTIONS_BYTES = 1 << 16  # bytes
CUSTOM_OPERATOR = 32
ELEMENT_TYPES = {0: np.float32, 1: np.float16, 2: np.int32, 4: np.int64}
OPERATOR_NAMES = {
    0: "ADD",
    1: "AVERAGE_POOL_2D",
    2: "CONCATENATION",
    3: "CONV_2D",
    4: "DEPTHWISE_CONV_2D",
    6: "DEQUANTIZE",
    9: "FULLY_CONNECTED",
    14: "LOGISTIC",
    17: "MAX_POOL_2D",
    18: "MUL",
    19: "RELU",
    21: "RELU6",
    22: "RESHAPE",
    23: "RESIZE_BILINEAR",
    28: "TANH",
    34: "PAD",
    40: "MEAN",
    41: "SUB",
    42: "DIV",
    45: "STRIDED_SLICE",
    54: "PRELU",
    117: "HARD_SWISH",
}


class Record:
    """A FlatBuffers table: numbered fields, each of which may be left out."""

    def __init__(self, data: bytes, position: int) -> None:
        from flatbuffers.table import Table

        self._table = Table(data, position)

    @classmethod
    def root(cls, data: bytes) -> Record:
        return cls(data, int.from_bytes(data[:4], "little"))

    def int8(self, field: int) -> int:
        from flatbuffers.number_types import Int8Flags

        return self._number(field, Int8Flags, 0)

    def int32(self, field: int, default: int = 0) -> int:
        from flatbuffers.number_types import Int32Flags

        return self._number(field, Int32Flags, default)

    def has(self, field: int) -> bool:
        return self._offset(field) != 0

    def text(self, field: int) -> str:
        return str(self.blob(field, MAX_NAME_BYTES), "utf-8")

    def numbers(self, field: int, most: int) -> tuple[int, ...]:
        """A vector of 32-bit numbers."""
        from flatbuffers.number_types import Int32Flags

        start, length = self._vector(field, most)
        return tuple(self._table.Get(Int32Flags, start + 4 * k) for k in range(length))

    def blob(self, field: int, most: int) -> memoryview:
        """A vector of bytes; a view, as many tensors may claim the same megabytes."""
        start, length = self._vector(field, most)
        return memoryview(self._table.Bytes)[start : start + length]

    def record(self, field: int) -> Record:
        """The table in the field; where it was left out, one whose fields are all left out."""
        offset = self._offset(field)
        if not offset:
            return Record(EMPTY_TABLE, 4)
        return Record(self._table.Bytes, self._table.Indirect(self._table.Pos + offset))

    def records(self, field: int, most: int) -> list[Record]:
        start, length = self._vector(field, most)
        return [Record(self._table.Bytes, self._table.Indirect(start + 4 * k)) for k in range(length)]

    def _number(self, field: int, kind: object, default: int) -> int:
        offset = self._offset(field)
        return int(self._table.Get(kind, self._table.Pos + offset)) if offset else default

    def _offset(self, field: int) -> int:
        return int(self._table.Offset(4 + 2 * field))

    def _vector(self, field: int, most: int) -> tuple[int, int]:
        offset = self._offset(field)
        if not offset:
            return 0, 0
        length = int(self._table.VectorLen(offset))
        if length > most:
            raise ValueError(f"a list of {length} entries, but at most {most} are accepted")
        return int(self._table.Vector(offset)), length


# a vtable of four bytes (its own size, the size of the table) and the table, which points back to it
EMPTY_TABLE = bytes([4, 0, 4, 0, 4, 0, 0, 0])


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A value in the network; a constant where `data` is not empty."""

    name: str
    shape: tuple[int, ...]
    kind: int  # a key of ELEMENT_TYPES, where we can read it
    data: memoryview


@dataclass(frozen=True, slots=True, eq=False)
class Operator:
    """One step of the network. Numbers of tensors; an input of -1 is left out."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Record
    custom: memoryview  # the options of a custom operator

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A TensorFlow Lite model of one graph, its operators in the order they run."""

    tensors: list[Tensor]
    operators: list[Operator]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def tensor(self, number: int) -> Tensor:
        if not 0 <= number < len(self.tensors):
            raise ModelError(f"tensor {number} does not exist; there are {len(self.tensors)}")
        return self.tensors[number]

    def constant(self, number: int) -> Array:
        """The values stored for a tensor, in the type and shape they are stored in."""
        tensor = self.tensor(number)
        if tensor.kind not in ELEMENT_TYPES:
            raise ModelError(f"tensor '{tensor.name}' is quantized or not numeric; float models are read")
        if not tensor.data:
            raise ModelError(f"tensor '{tensor.name}' is computed, but a stored constant is needed")
        return np.frombuffer(tensor.data, ELEMENT_TYPES[tensor.kind]).reshape(tensor.shape)


def read(model: bytes) -> Network:
    """The network in the bytes of a .tflite file."""
    root = Record.root(model)
    buffers = root.records(4, MAX_TENSORS)
    graphs = root.records(2, 1)
    if not graphs:
        raise ModelError("a TensorFlow Lite file without a graph")
    (graph,) = graphs
    codes = [_operator_name(code) for code in root.records(1, MAX_OPERATORS)]
    return Network(
        tensors=[_tensor(record, buffers) for record in graph.records(0, MAX_TENSORS)],
        operators=[_operator(record, codes) for record in graph.records(3, MAX_OPERATORS)],
        inputs=graph.numbers(1, MAX_INPUTS),
        outputs=graph.numbers(2, MAX_INPUTS),
    )


def _tensor(record: Record, buffers: list[Record]) -> Tensor:
    name, shape = record.text(3), record.numbers(0, 8)
    if min(shape, default=1) < 1 or math.prod(shape) > MAX_ELEMENTS:
        raise ModelError(f"tensor '{name}' has the impossible shape {shape}")
    if record.has(6):
        raise ModelError(f"tensor '{name}' is sparse; dense float models are read")
    return Tensor(name, shape, record.int8(1), buffers[record.int32(2)].blob(0, 4 * MAX_ELEMENTS))


def _operator_name(record: Record) -> str:
    # a byte in old files; newer ones write a wider field beside it
    code = max(record.int8(0), record.int32(3))
    return record.text(1) if code == CUSTOM_OPERATOR else OPERATOR_NAMES.get(code, f"operator {code}")


def _operator(record: Record, codes: list[str]) -> Operator:
    return Operator(
        name=codes[record.int32(0)],
        inputs=record.numbers(1, MAX_INPUTS),
        outputs=record.numbers(2, MAX_INPUTS),
        options=record.record(4),
        custom=record.blob(5, MAX_OPTIONS_BYTES),
    )
