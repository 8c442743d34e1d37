"""Three custom TFLite operators of MediaPipe, which crop a part of the face and place it back.

A part (lips, an eye) is cut out of a feature map upright and at a fixed size. The 4x4 matrix takes a
pixel (x, y, 0, 1) of the cut-out to its place on the feature map; only rows 0, 1 and columns 0, 1, 3
are ever other than the identity.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from cfg.errors import ModelError
from ditto.faces.tflite_file import Operator
from ditto.faces.tflite_graph import Graph
from ditto.faces.tflite_operators import Handler

MAX_POINTS = 4_096
MAX_CUT_SIDE = 1_024  # pixels along one side
MIN_DIRECTION_PIXELS = 1e-6  # pixels between the two points that give the direction


class Settings:
    """The named numbers of a custom operator."""

    def __init__(self, operator: Operator) -> None:
        from flatbuffers import flexbuffers

        self._map = flexbuffers.GetRoot(bytearray(operator.custom)).AsMap

    def number(self, name: str) -> float:
        return float(self._map[name].AsFloat)

    def numbers(self, name: str) -> list[int]:
        entry = self._map[name]
        listed = entry.AsTypedVector if entry.IsTypedVector else entry.AsVector
        if len(listed) > MAX_POINTS:
            raise ModelError(f"{name} has {len(listed)} entries, but at most {MAX_POINTS} are accepted")
        return [int(listed[k].AsInt) for k in range(len(listed))]

    def cut(self) -> tuple[int, int]:
        """(width, height) of the cut-out, in pixels."""
        size = int(self.number("output_width")), int(self.number("output_height"))
        if not all(1 <= side <= MAX_CUT_SIDE for side in size):
            raise ModelError(f"a cut-out of {size} pixels is not from 1 to {MAX_CUT_SIDE}")
        return size


def frame_of_points(graph: Graph, operator: Operator) -> None:
    """Landmarks2TransformMatrix: the upright box around some of the points, (1, 4, 4)."""
    settings = Settings(operator)
    width, height = settings.cut()
    limits = [graph.whole(0), graph.whole(2), graph.whole(2)]
    flat = graph.node("Slice", [graph.plain(operator.inputs[0]), *limits])
    points = graph.node("Reshape", [flat, graph.whole(-1, 2)])
    turn = _upright(graph, points, settings)

    chosen = graph.node("Gather", [points, graph.whole(*settings.numbers("subset_idxs"))], {"axis": 0})
    turned = graph.node("MatMul", [chosen, turn])
    low = graph.node("ReduceMin", [turned, graph.whole(0)], {"keepdims": 1})  # (1, 2)
    high = graph.node("ReduceMax", [turned, graph.whole(0)], {"keepdims": 1})
    middle = graph.node("Mul", [graph.node("Add", [low, high]), graph.floats(0.5)])
    centre = graph.node("MatMul", [middle, graph.node("Transpose", [turn], {"perm": (1, 0)})])

    per_pixel = [[settings.number("scale_x") / width, settings.number("scale_y") / height]]
    scale = graph.node("Mul", [graph.node("Sub", [high, low]), graph.floats(per_pixel)])
    linear = graph.node("Mul", [turn, scale])  # (2, 2), for columns
    corner = graph.node(
        "Gemm", [graph.floats([[-width / 2, -height / 2]]), linear, centre], {"transB": 1}
    )  # where pixel (0, 0) goes

    columns = [linear, graph.floats(np.zeros((2, 1))), graph.node("Transpose", [corner], {"perm": (1, 0)})]
    rows = [graph.node("Concat", columns, {"axis": 1}), graph.floats([[0, 0, 1, 0], [0, 0, 0, 1]])]
    matrix = graph.node("Reshape", [graph.node("Concat", rows, {"axis": 0}), graph.whole(1, 4, 4)])
    graph.made_plain(operator.outputs[0], matrix)


def _upright(graph: Graph, points: str, settings: Settings) -> str:
    """(2, 2) for rows: turns points so that the line from the left to the right mark is at the target."""
    marks = [int(settings.number("left_rotation_idx")), int(settings.number("right_rotation_idx"))]
    ends = graph.node("Gather", [points, graph.whole(*marks)], {"axis": 0})
    along = graph.node("MatMul", [graph.floats([[-1, 1]]), ends])  # (1, 2)
    length = graph.node("ReduceL2", [along, graph.whole(1)], {"keepdims": 1})
    unit = graph.node("Div", [along, graph.node("Max", [length, graph.floats(MIN_DIRECTION_PIXELS)])])
    target = settings.number("target_rotation_radians")
    cosine, sine = math.cos(target), math.sin(target)
    # the turn is target minus the line's own angle, whose cosine and sine are `unit`
    from_unit = [[cosine, sine, -sine, cosine], [sine, -cosine, cosine, sine]]
    return graph.node("Reshape", [graph.node("MatMul", [unit, graph.floats(from_unit)]), graph.whole(2, 2)])


def cut_out(graph: Graph, operator: Operator) -> None:
    """TransformTensorBilinear: the part of a feature map the matrix points at; zero outside of the map."""
    features, matrix = operator.inputs
    width, height = Settings(operator).cut()
    _, rows, columns, _ = graph.picture_shape(features)
    y, x = np.mgrid[0:height, 0:width]
    centres = np.stack([x + 0.5, y + 0.5], axis=-1).reshape(1, -1, 2)
    places = _placed(graph, graph.floats(centres), matrix)  # pixels, the first centre at 0.5
    scaled = graph.node("Mul", [places, graph.floats([2 / columns, 2 / rows])])
    grid = graph.node("Sub", [scaled, graph.floats(1)])  # -1 to 1 from edge to edge
    grid = graph.node("Reshape", [grid, graph.whole(1, height, width, 2)])
    inputs = [graph.planar(features), grid]
    result = graph.node("GridSample", inputs, {"mode": "linear", "padding_mode": "zeros", "align_corners": 0})
    graph.made_planar(operator.outputs[0], result)


def place_back(graph: Graph, operator: Operator) -> None:
    """TransformLandmarks: points (1, n, 2) of the cut-out, on the feature map."""
    points, matrix = operator.inputs
    graph.made_plain(operator.outputs[0], _placed(graph, graph.plain(points), matrix))


def _placed(graph: Graph, points: str, matrix: int) -> str:
    """(1, n, 2) points taken through the matrix."""
    by_column = graph.node("Transpose", [graph.plain(matrix)], {"perm": (0, 2, 1)})
    axes = graph.whole(1, 2)
    linear = graph.node("Slice", [by_column, graph.whole(0, 0), graph.whole(2, 2), axes])
    shift = graph.node("Slice", [by_column, graph.whole(3, 0), graph.whole(4, 2), axes])
    return graph.node("Add", [graph.node("MatMul", [points, linear]), shift])


ATTENTION: Mapping[str, Handler] = {
    "Landmarks2TransformMatrix": frame_of_points,
    "TransformTensorBilinear": cut_out,
    "TransformLandmarks": place_back,
}
