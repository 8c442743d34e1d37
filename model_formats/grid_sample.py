"""GridSample of a volume, written as a graph of ordinary operators.

The volume becomes a table with a row of channels for each cell, so that each of the eight corners
around a place is one gathered row; the rows are weighted by nearness and added. All of it is linear
interpolation as `GridSample` defines it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from cfg.errors import ModelError

PADDINGS = ("zeros", "border", "reflection")


MAX_CELLS = 1 << 24  # cells of a volume; up to there a 32-bit float counts exactly


Attribute = int | float | str | Sequence[int]  # of an operator


class Ordinary:
    """The operators that replace one GridSample; only the batch may be open."""

    def __init__(
        self,
        prefix: str,
        *,
        batch: int | None,
        kind: int,  # of the volume's numbers, as ONNX counts types
        channels: int,
        size: Sequence[int],  # depth, height, width of the volume
        places: Sequence[int],  # the same of the grid
        padding: str,
        align_corners: bool,
    ) -> None:
        cells = math.prod(size)
        if padding not in PADDINGS:
            raise ModelError(f"{prefix}: padding '{padding}' is none of {', '.join(PADDINGS)}")
        if not 0 < cells < MAX_CELLS:
            raise ModelError(f"{prefix}: a volume of {cells} cells, but 1 to {MAX_CELLS - 1} can be counted")
        self.constants: dict[str, npt.NDArray[np.generic]] = {}
        self._prefix = prefix
        self._batch = batch
        self._kind = kind
        self._cells = cells
        self._channels = channels
        self._size = tuple(size)
        self._places = tuple(places)
        self._padding = padding
        self._align = align_corners
        self._made: list[onnx.NodeProto] = []

    def nodes(self, volume: str, grid: str, result: str) -> list[onnx.NodeProto]:
        """(B, C, D, H, W) and (B, d, h, w, 3) to (B, C, d, h, w)."""
        self._made = []
        table = self._table(volume)
        count = math.prod(self._places)
        listed = self._op("Reshape", [grid, self._whole("listed", [0, count, 3])])
        listed = self._op(
            "Cast", [listed], {"to": TensorProto.FLOAT}
        )  # half precision cannot tell cells apart
        axes = [self._axis(listed, axis, self._size[2 - axis]) for axis in range(3)]  # x, y, z
        total = None
        for corner in range(8):
            (x, wx), (y, wy), (z, wz) = (axes[axis][corner >> axis & 1] for axis in range(3))
            weight = self._op("Mul", [self._op("Mul", [wx, wy]), wz])  # (B, n, 1)
            row = self._op("Mul", [z, self._number("plane", self._size[1] * self._size[2])])
            row = self._op("Add", [row, self._op("Mul", [y, self._number("line", self._size[2])])])
            seen = self._rows(table, self._op("Add", [row, x]))
            share = self._op("Mul", [seen, self._op("Cast", [weight], {"to": self._kind})])
            total = share if total is None else self._op("Add", [total, share])
        back = self._op("Transpose", [str(total)], {"perm": [0, 2, 1]})
        shape = self._whole("places", [0, self._channels, *self._places])
        self._made.append(helper.make_node("Reshape", [back, shape], [result], f"{self._prefix}/result"))
        return self._made

    def _table(self, volume: str) -> str:
        """(B, cells, C), or (B cells, C) where the batch is known."""
        flat = self._op("Reshape", [volume, self._whole("flat", [0, self._channels, self._cells])])
        rows = self._op("Transpose", [flat], {"perm": [0, 2, 1]})
        if self._batch is None:
            return rows
        return self._op("Reshape", [rows, self._whole("rows", [self._batch * self._cells, self._channels])])

    def _rows(self, table: str, row: str) -> str:
        """(B, n, C) from (B, n, 1) numbers of rows."""
        row = self._op("Cast", [row], {"to": TensorProto.INT64})
        if self._batch is None:
            return self._op("GatherND", [table, row], {"batch_dims": 1})
        if self._batch > 1:
            starts = np.arange(self._batch, dtype=np.int64)[:, None, None] * self._cells
            row = self._op("Add", [row, self._constant("starts", starts)])
        row = self._op("Reshape", [row, self._whole("numbers", [self._batch, -1])])
        return self._op("Gather", [table, row], {"axis": 0})

    def _axis(self, listed: str, axis: int, size: int) -> tuple[tuple[str, str], tuple[str, str]]:
        """Lower and upper neighbour along an axis: cell and weight, each (B, n, 1)."""
        place = self._op(
            "Slice",
            [
                listed,
                self._whole(f"s{axis}", [axis]),
                self._whole(f"e{axis}", [axis + 1]),
                self._whole("last", [2]),
            ],
        )
        scale, offset = ((size - 1) / 2, (size - 1) / 2) if self._align else (size / 2, (size - 1) / 2)
        cell = self._op("Mul", [place, self._number(f"scale{axis}", scale)])
        cell = self._op("Add", [cell, self._number(f"offset{axis}", offset)])
        if self._padding == "reflection":
            cell = self._reflected(cell, axis, size)
        if self._padding != "zeros":
            cell = self._within(cell, size, axis)
        below = self._op("Floor", [cell])
        above = self._op("Add", [below, self._number("one", 1.0)])
        to_above = self._op("Sub", [cell, below])
        to_below = self._op("Sub", [self._number("one", 1.0), to_above])
        return self._neighbour(below, to_below, size, axis), self._neighbour(above, to_above, size, axis)

    def _neighbour(self, cell: str, weight: str, size: int, axis: int) -> tuple[str, str]:
        """A cell that is there, with weight 0 where it stands for one that is not."""
        there = self._within(cell, size, axis)
        if self._padding == "zeros":
            inside = self._op("Cast", [self._op("Equal", [there, cell])], {"to": TensorProto.FLOAT})
            weight = self._op("Mul", [weight, inside])
        return there, weight

    def _within(self, cell: str, size: int, axis: int) -> str:
        """Clipped to the axis."""
        low = self._op("Max", [cell, self._number("zero", 0.0)])
        return self._op("Min", [low, self._number(f"end{axis}", size - 1.0)])

    def _reflected(self, cell: str, axis: int, size: int) -> str:
        """Folded back at the ends of the axis as often as needed."""
        start, length = (0.0, size - 1.0) if self._align else (-0.5, float(size))
        if length == 0:
            return self._op("Mul", [cell, self._number("zero", 0.0)])
        away = self._op("Abs", [self._op("Sub", [cell, self._number(f"start{axis}", start)])])
        span = self._number(f"length{axis}", length)
        turns = self._op("Floor", [self._op("Div", [away, self._number(f"twice{axis}", 2 * length)])])
        rest = self._op("Sub", [away, self._op("Mul", [turns, self._number(f"twice{axis}", 2 * length)])])
        folded = self._op("Sub", [span, self._op("Abs", [self._op("Sub", [rest, span])])])
        return self._op("Add", [folded, self._number(f"start{axis}", start)])

    def _op(self, kind: str, inputs: Sequence[str], attributes: Mapping[str, Attribute] | None = None) -> str:
        name = f"{self._prefix}/{len(self._made)}_{kind}"
        make: Callable[..., onnx.NodeProto] = helper.make_node
        self._made.append(make(kind, list(inputs), [name], name, **(attributes or {})))
        return name

    def _number(self, name: str, value: float) -> str:
        return self._constant(name, np.array(value, np.float32))

    def _whole(self, name: str, values: Sequence[int]) -> str:
        return self._constant(name, np.array(values, np.int64))

    def _constant(self, name: str, value: npt.NDArray[np.generic]) -> str:
        full = f"{self._prefix}/{name}"
        self.constants[full] = value
        return full
