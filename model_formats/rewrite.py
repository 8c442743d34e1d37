"""Rewrites graphs for runtimes that lack an operator: same inputs, same outputs, same numbers.

A network that warps volumes is written with one of three operators: `GridSample3D`, which is not part
of ONNX and was made for a TensorRT plugin, the standard `GridSample` (volumes from opset 20 on), or
ordinary operators, which every runtime has. Each can be turned into the next.
"""

from __future__ import annotations

from collections.abc import Callable

import onnx
from onnx import helper, numpy_helper

from cfg.errors import ModelError
from model_formats.export import OPSET
from model_formats.fold_constants import fold_constants, static_shape
from model_formats.grid_sample import PADDINGS, Ordinary

PLUGIN = "GridSample3D"  # with whole-number attributes; the places in these tuples are their values
PLUGIN_MODES = ("linear", "nearest")
LAST_OF_TENSORRT_8 = 17  # the newest opset that TensorRT 8.6 reads

Attributes = dict[str, object]  # numbers, bytes or lists of them


def attributes(node: onnx.NodeProto) -> Attributes:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def flagged(given: Attributes, name: str) -> bool:
    """An attribute that is 0 or 1."""
    return bool(given.get(name, 0))


def word(given: Attributes, name: str, usual: str) -> str:
    """An attribute that is a word."""
    value = given.get(name, usual)
    return value.decode() if isinstance(value, bytes) else str(value)


def standard_grid_sample(model: onnx.ModelProto) -> int:
    """Makes every GridSample3D node a standard GridSample; gives how many there were."""
    nodes = [node for node in model.graph.node if node.op_type == PLUGIN]
    for node in nodes:
        given = attributes(node)
        mode = _named(node, given, "interpolation_mode", PLUGIN_MODES)
        padding = _named(node, given, "padding_mode", PADDINGS)
        node.op_type, node.domain = "GridSample", ""
        del node.attribute[:]
        node.attribute.extend(
            [
                helper.make_attribute("mode", "bilinear" if mode == "linear" else mode),  # as up to opset 19
                helper.make_attribute("padding_mode", padding),
                helper.make_attribute("align_corners", int(flagged(given, "align_corners"))),
            ]
        )
    if nodes:
        raise_opset(model, OPSET)
        for node in model.graph.node:
            if node.op_type == "GridSample" and attributes(node).get("mode") == b"bilinear":
                kept = [a for a in node.attribute if a.name != "mode"]
                del node.attribute[:]
                node.attribute.extend([*kept, helper.make_attribute("mode", "linear")])
    return len(nodes)


def _named(node: onnx.NodeProto, given: Attributes, key: str, names: tuple[str, ...]) -> str:
    """The plugin counts its modes; other writers of the same operator name them."""
    value = given.get(key, 0)
    if isinstance(value, bytes):
        word = value.decode(errors="replace")
        word = "linear" if word == "bilinear" else word
        if word in names:
            return word
    elif isinstance(value, int) and 0 <= value < len(names):
        return names[value]
    raise ModelError(
        f"operator {PLUGIN} '{node.name}': {key} is {value!r}, but must be one of "
        + ", ".join(f"{i} ({name})" for i, name in enumerate(names))
    )


def raise_opset(model: onnx.ModelProto, version: int) -> None:
    """Declares the standard operators to be of at least that version, converting those that differ."""
    (now,) = (o.version for o in model.opset_import if o.domain == "")
    own = [o for o in model.opset_import if o.domain != "" and not _used(model, o.domain)]
    for opset in own:
        model.opset_import.remove(opset)
    if now >= version:
        return
    strange = {node.op_type for node in model.graph.node if node.domain}
    if strange:
        raise ModelError(f"operators {', '.join(sorted(strange))} are not part of ONNX and stand in the way")
    try:
        raised = onnx.version_converter.convert_version(model, version)
    except Exception as error:  # the converter raises its own and plain RuntimeErrors
        raise ModelError(f"the graph cannot be raised from opset {now} to {version}: {error}") from error
    model.CopyFrom(raised)


def _used(model: onnx.ModelProto, domain: str) -> bool:
    return any(node.domain == domain for node in model.graph.node)


def ordinary_grid_sample(model: onnx.ModelProto) -> int:
    """Replaces every GridSample of a volume by ordinary operators; gives how many there were."""
    shapes = _shapes(model)
    fresh: list[onnx.NodeProto] = []
    count = 0
    for node in model.graph.node:
        rank = len(shapes[node.input[0]]) if node.op_type == "GridSample" and shapes.get(node.input[0]) else 0
        if rank != 5:
            fresh.append(node)
            continue
        count += 1
        fresh.extend(_ordinary(model, node, shapes, f"{node.name or node.output[0]}/{count}"))
    if count:
        replace_nodes(model.graph, fresh)
        fold_constants(model)
    return count


def _ordinary(
    model: onnx.ModelProto, node: onnx.NodeProto, shapes: dict[str, tuple[int | None, ...]], prefix: str
) -> list[onnx.NodeProto]:
    given = attributes(node)
    mode = word(given, "mode", "linear")
    if mode not in ("linear", "bilinear"):
        raise ModelError(f"GridSample '{node.name}' is '{mode}'; only 'linear' can be rewritten")
    volume, grid = (shapes[name] for name in node.input)
    size, places = volume[1:], grid[1:4]
    if None in size or None in places:
        raise ModelError(f"GridSample '{node.name}': the sizes of its volume and grid must be fixed")
    made = Ordinary(
        prefix,
        batch=volume[0],
        kind=_kind_of(model, node.input[0]),
        channels=int(size[0] or 0),
        size=tuple(int(n or 0) for n in size[1:]),
        places=tuple(int(n or 0) for n in places),
        padding=word(given, "padding_mode", "zeros"),
        align_corners=flagged(given, "align_corners"),
    )
    nodes = made.nodes(node.input[0], node.input[1], node.output[0])
    model.graph.initializer.extend(numpy_helper.from_array(a, name) for name, a in made.constants.items())
    return nodes


def fix_axes(model: onnx.ModelProto, sizes: dict[str, int]) -> None:
    """Gives open axes of inputs and outputs one size, by name, and folds what that makes constant."""
    for value in (*model.graph.input, *model.graph.output):
        for axis in value.type.tensor_type.shape.dim:
            if axis.dim_param in sizes:
                axis.dim_value = sizes[axis.dim_param]
    fold_constants(model)


def lower_to_opset_17(model: onnx.ModelProto) -> None:
    """Rewrites the operators that are newer than opset 17, for TensorRT 8.6."""
    ordinary_grid_sample(model)
    fresh: list[onnx.NodeProto] = []
    for node in model.graph.node:
        fresh.extend(LOWERED[node.op_type](model, node) if node.op_type in LOWERED else [node])
    replace_nodes(model.graph, fresh)
    for opset in model.opset_import:
        if opset.domain == "":
            opset.version = LAST_OF_TENSORRT_8
    model.ir_version = min(model.ir_version, 8)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        words = str(error).partition("\n")[0]
        raise ModelError(f"the graph cannot be lowered to opset {LAST_OF_TENSORRT_8}: {words}") from error


def _without(*names: str) -> Callable[[onnx.ModelProto, onnx.NodeProto], list[onnx.NodeProto]]:
    """Drops attributes that newer opsets added and whose default is the only thing used here."""

    def lowered(model: onnx.ModelProto, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        kept = [a for a in node.attribute if a.name not in names]
        del node.attribute[:]
        node.attribute.extend(kept)
        return [node]

    return lowered


def _reduced(model: onnx.ModelProto, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """Axes of a reduction as an attribute, which they were up to opset 17."""
    if len(node.input) > 1 and node.input[1]:
        weights = {tensor.name: tensor for tensor in model.graph.initializer}
        if node.input[1] not in weights:
            raise ModelError(f"{node.op_type} '{node.name}' works out its axes at run time")
        axes = numpy_helper.to_array(weights[node.input[1]]).tolist()
        node.attribute.append(helper.make_attribute("axes", axes))
    del node.input[1:]
    return _without("noop_with_empty_axes")(model, node)


def _error_function(model: onnx.ModelProto, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """GELU written out: x (1 + erf(x / sqrt 2)) / 2."""
    if attributes(node).get("approximate", b"none") != b"none":
        raise ModelError(f"Gelu '{node.name}' is an approximated one")
    x, y = node.input[0], node.output[0]
    steps = [f"{y}/{step}" for step in ("scaled", "erf", "more", "half")]
    kind = _kind_of(model, x)
    constants = [f"{y}/{name}" for name in ("sqrt_2", "one", "two")]
    for name, value in zip(constants, (2**0.5, 1.0, 2.0), strict=True):
        model.graph.initializer.append(helper.make_tensor(name, kind, [], [value]))
    return [
        helper.make_node("Div", [x, constants[0]], [steps[0]], f"{node.name}/scaled"),
        helper.make_node("Erf", [steps[0]], [steps[1]], f"{node.name}/erf"),
        helper.make_node("Add", [steps[1], constants[1]], [steps[2]], f"{node.name}/more"),
        helper.make_node("Div", [x, constants[2]], [steps[3]], f"{node.name}/half"),
        helper.make_node("Mul", [steps[3], steps[2]], [y], f"{node.name}/product"),
    ]


LOWERED: dict[str, Callable[[onnx.ModelProto, onnx.NodeProto], list[onnx.NodeProto]]] = {
    "Gelu": _error_function,
    **dict.fromkeys(("ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceProd"), _reduced),
    "Split": _without("num_outputs"),
    "Resize": _without("antialias", "axes", "keep_aspect_ratio_policy"),
    "AveragePool": _without("dilations"),
    "Cast": _without("saturate"),
}


def _kind_of(model: onnx.ModelProto, name: str) -> int:
    for value in (*model.graph.value_info, *model.graph.input):
        if value.name == name:
            return int(value.type.tensor_type.elem_type)
    return int(onnx.TensorProto.FLOAT)


def _shapes(model: onnx.ModelProto) -> dict[str, tuple[int | None, ...]]:
    """Shapes of all tensors as far as they are known, None for an open axis."""
    fold_constants(model)
    shapes: dict[str, tuple[int | None, ...]] = {t.name: tuple(t.dims) for t in model.graph.initializer}
    for value in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        if static_shape(value.type) is not None or value.type.tensor_type.HasField("shape"):
            shapes[value.name] = tuple(
                axis.dim_value if axis.HasField("dim_value") else None
                for axis in value.type.tensor_type.shape.dim
            )
    return shapes


def replace_nodes(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> None:
    copies = []
    for node in nodes:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copies.append(copy)
    del graph.node[:]
    graph.node.extend(copies)
