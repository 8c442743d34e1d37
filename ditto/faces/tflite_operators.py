"""The TFLite operators of face networks, each written as ONNX by one function."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from cfg.errors import ModelError
from ditto.faces.tflite_file import Array, Operator
from ditto.faces.tflite_graph import TO_PLANAR, Graph, same_padding

Handler = Callable[[Graph, Operator], None]
MAX_STEP = 256  # stride, dilation or pooling window believed
PLANAR_AXIS = {axis: TO_PLANAR.index(axis) for axis in range(4)}


def convolution(graph: Graph, operator: Operator) -> None:
    image, kernels = operator.inputs[:2]
    weights = graph.constant(kernels).transpose(0, 3, 1, 2)  # (out, in, height, width)
    groups = graph.picture_shape(image)[3] // weights.shape[1]
    activation, dilation = operator.options.int8(3), _pair(operator, 5, 4)
    _convolve(graph, operator, weights, groups, dilation, activation)


def depthwise_convolution(graph: Graph, operator: Operator) -> None:
    image, kernels = operator.inputs[:2]
    weights = graph.constant(kernels).transpose(3, 0, 1, 2)  # (out, 1, height, width)
    groups = graph.picture_shape(image)[3]
    activation, dilation = operator.options.int8(4), _pair(operator, 6, 5)
    _convolve(graph, operator, weights, groups, dilation, activation)


def _convolve(
    graph: Graph,
    operator: Operator,
    weights: Array,
    groups: int,
    dilation: tuple[int, int],
    activation: int,
) -> None:
    kernel, stride = (weights.shape[2], weights.shape[3]), _pair(operator, 2, 1)
    bias = [graph.learned(graph.constant(number)) for number in operator.inputs[2:3] if number >= 0]
    result = graph.node(
        "Conv",
        [graph.planar(operator.inputs[0]), graph.learned(weights), *bias],
        {
            "kernel_shape": kernel,
            "strides": stride,
            "dilations": dilation,
            "group": groups,
            "pads": _pads(graph, operator, kernel, stride, dilation),
        },
    )
    graph.made_planar(operator.outputs[0], graph.activated(result, activation))


def transposed_convolution(graph: Graph, operator: Operator) -> None:
    image, kernels, bias = operator.inputs
    weights = graph.constant(kernels).transpose(3, 0, 1, 2)  # (in, out, height, width)
    before, after = graph.picture_shape(image), graph.picture_shape(operator.outputs[0])
    kernel = weights.shape[2:]
    if (before[1] * kernel[0], before[2] * kernel[1]) != after[1:3]:
        raise ModelError(f"{operator}: kernels {kernel} that overlap or leave gaps are not converted")
    weighted = [graph.planar(image), graph.learned(weights), graph.learned(graph.constant(bias))]
    result = graph.node("ConvTranspose", weighted, {"kernel_shape": kernel, "strides": kernel})
    graph.made_planar(operator.outputs[0], result)


def pool(kind: str) -> Handler:
    def handler(graph: Graph, operator: Operator) -> None:
        kernel, stride = _pair(operator, 4, 3), _pair(operator, 2, 1)
        result = graph.node(
            kind,
            [graph.planar(operator.inputs[0])],
            {
                "kernel_shape": kernel,
                "strides": stride,
                "pads": _pads(graph, operator, kernel, stride, (1, 1)),
            },
        )
        graph.made_planar(operator.outputs[0], graph.activated(result, operator.options.int8(5)))

    return handler


def _pads(
    graph: Graph,
    operator: Operator,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
) -> tuple[int, int, int, int]:
    if operator.options.int8(0) == 1:  # VALID: only where the kernel fits
        return 0, 0, 0, 0
    _, height, width, _ = graph.picture_shape(operator.inputs[0])
    top, bottom = same_padding(height, kernel[0], stride[0], dilation[0])
    left, right = same_padding(width, kernel[1], stride[1], dilation[1])
    return top, left, bottom, right


def _pair(operator: Operator, vertical: int, horizontal: int) -> tuple[int, int]:
    """(down, across) of a stride, dilation or window, whose fields are given."""
    pair = operator.options.int32(vertical, 1), operator.options.int32(horizontal, 1)
    if not all(1 <= step <= MAX_STEP for step in pair):
        raise ModelError(f"{operator}: a step of {pair} is not from 1 to {MAX_STEP}")
    return pair


def elementwise(kind: str, activation: int | None = None) -> Handler:
    """One ONNX operator that treats each number alone; `activation` is the field that names one."""

    def handler(graph: Graph, operator: Operator) -> None:
        planar = _is_planar(graph, operator)
        read = graph.planar if planar else graph.plain
        made = graph.made_planar if planar else graph.made_plain
        result = graph.node(kind, [read(number) for number in operator.inputs])
        if activation is not None:
            result = graph.activated(result, operator.options.int8(activation))
        made(operator.outputs[0], result)

    return handler


def clipped(graph: Graph, operator: Operator) -> None:
    """RELU6."""
    graph.made_plain(operator.outputs[0], graph.activated(graph.plain(operator.inputs[0]), 3))


def _is_planar(graph: Graph, operator: Operator) -> bool:
    computed = [number for number in operator.inputs if not graph.is_constant(number)]
    return bool(computed) and all(len(graph.shape(number)) == 4 for number in computed)


def pad(graph: Graph, operator: Operator) -> None:
    image, amounts = operator.inputs
    before_and_after = np.reshape(graph.integers(amounts), (4, 2))
    before, after = before_and_after[list(TO_PLANAR)].T
    result = graph.node("Pad", [graph.planar(image), graph.whole(*before, *after)])
    graph.made_planar(operator.outputs[0], result)


def reshape(graph: Graph, operator: Operator) -> None:
    shape = graph.shape(operator.outputs[0])
    result = graph.node("Reshape", [graph.plain(operator.inputs[0]), graph.whole(*shape)])
    graph.made_plain(operator.outputs[0], result)


def concatenation(graph: Graph, operator: Operator) -> None:
    axis, activation = operator.options.int32(0), operator.options.int8(1)
    if _is_planar(graph, operator):
        names = [graph.planar(number) for number in operator.inputs]
        result = graph.node("Concat", names, {"axis": PLANAR_AXIS[axis % 4]})
        graph.made_planar(operator.outputs[0], graph.activated(result, activation))
    else:
        result = graph.node("Concat", [graph.plain(number) for number in operator.inputs], {"axis": axis})
        graph.made_plain(operator.outputs[0], graph.activated(result, activation))


def strided_slice(graph: Graph, operator: Operator) -> None:
    source, first, last, step = operator.inputs
    if any(operator.options.int32(field) for field in (2, 3, 4)):
        raise ModelError(f"{operator}: dimensions that come or go are not converted")
    steps = graph.integers(step)
    if min(steps) < 1:
        raise ModelError(f"{operator}: steps of {steps} are not converted")
    from_edge, to_edge = operator.options.int32(0), operator.options.int32(1)
    starts, ends = graph.integers(first), graph.integers(last)
    for axis, size in enumerate(graph.shape(source)):
        starts[axis] = 0 if from_edge >> axis & 1 else starts[axis]
        ends[axis] = size if to_edge >> axis & 1 else ends[axis]
    limits = [graph.whole(*starts), graph.whole(*ends), graph.whole(*range(len(starts)))]
    result = graph.node("Slice", [graph.plain(source), *limits, graph.whole(*steps)])
    graph.made_plain(operator.outputs[0], result)


def mean(graph: Graph, operator: Operator) -> None:
    source, along = operator.inputs
    axes = graph.whole(*graph.integers(along))
    kept = operator.options.int8(0)
    result = graph.node("ReduceMean", [graph.plain(source), axes], {"keepdims": kept})
    graph.made_plain(operator.outputs[0], result)


def fully_connected(graph: Graph, operator: Operator) -> None:
    source, matrix = operator.inputs[:2]
    weights = graph.constant(matrix)  # (out, in)
    rows = graph.node("Reshape", [graph.plain(source), graph.whole(-1, weights.shape[1])])
    bias = [graph.learned(graph.constant(number)) for number in operator.inputs[2:3] if number >= 0]
    product = graph.node("Gemm", [rows, graph.learned(weights), *bias], {"transB": 1})
    shaped = graph.node("Reshape", [product, graph.whole(*graph.shape(operator.outputs[0]))])
    graph.made_plain(operator.outputs[0], graph.activated(shaped, operator.options.int8(0)))


def resize_bilinear(graph: Graph, operator: Operator) -> None:
    corners, centres = operator.options.int8(2), operator.options.int8(3)
    grid = "align_corners" if corners else "half_pixel" if centres else "asymmetric"
    count, height, width, channels = graph.picture_shape(operator.outputs[0])
    size = graph.whole(count, channels, height, width)
    inputs = [graph.planar(operator.inputs[0]), "", "", size]
    result = graph.node("Resize", inputs, {"mode": "linear", "coordinate_transformation_mode": grid})
    graph.made_planar(operator.outputs[0], result)


def dequantize(graph: Graph, operator: Operator) -> None:
    """Half-precision weights are widened when they are read, so this only renames them."""
    graph.stands_for(operator.outputs[0], operator.inputs[0])


OPERATORS: Mapping[str, Handler] = {
    "ADD": elementwise("Add", activation=0),
    "AVERAGE_POOL_2D": pool("AveragePool"),
    "CONCATENATION": concatenation,
    "CONV_2D": convolution,
    "Convolution2DTransposeBias": transposed_convolution,
    "DEPTHWISE_CONV_2D": depthwise_convolution,
    "DEQUANTIZE": dequantize,
    "DIV": elementwise("Div", activation=0),
    "FULLY_CONNECTED": fully_connected,
    "HARD_SWISH": elementwise("HardSwish"),
    "LOGISTIC": elementwise("Sigmoid"),
    "MAX_POOL_2D": pool("MaxPool"),
    "MEAN": mean,
    "MUL": elementwise("Mul", activation=0),
    "PAD": pad,
    "PRELU": elementwise("PRelu"),
    "RELU": elementwise("Relu"),
    "RELU6": clipped,
    "RESHAPE": reshape,
    "RESIZE_BILINEAR": resize_bilinear,
    "STRIDED_SLICE": strided_slice,
    "SUB": elementwise("Sub", activation=0),
    "TANH": elementwise("Tanh"),
}
