"""What no input can change is worked out beforehand, and nothing else."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from model_formats.fold_constants import fold_constants  # noqa: E402


def graph(nodes, shape, **weights):
    """A model from `x` to `y`, both of floats."""
    return helper.make_model(
        helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [f"y{i}" for i in range(len(shape))])],
            [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
        ),
        opset_imports=[helper.make_opsetid("", 20)],
        ir_version=9,
    )


def kinds(model):
    onnx.checker.check_model(model, full_check=True)
    return [node.op_type for node in model.graph.node]


def run(model, x):
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def test_sums_of_weights_become_weights():
    nodes = [helper.make_node("Add", ["a", "a"], ["b"]), helper.make_node("Mul", ["x", "b"], ["y"])]
    model = graph(nodes, [2], a=np.array([1, 2], np.float32))
    fold_constants(model)
    assert kinds(model) == ["Mul"]
    assert [t.name for t in model.graph.initializer] == ["b"]
    np.testing.assert_array_equal(run(model, np.ones(2, np.float32)), [2, 4])


def size_of_axis(axis):
    """y is x divided by the size of one of its axes."""
    return [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "axis"], ["size"]),
        helper.make_node("Cast", ["size"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["x", "number"], ["y"]),
    ]


def test_a_fixed_size_is_known_though_another_is_open():
    model = graph(size_of_axis(1), ["batch", 4], axis=np.int64(1))
    fold_constants(model)
    assert kinds(model) == ["Div"]


def test_an_open_size_is_asked_for_at_run_time():
    model = graph(size_of_axis(0), ["batch", 4], axis=np.int64(0))
    fold_constants(model)
    assert kinds(model) == ["Shape", "Gather", "Cast", "Div"]
    for batch in (1, 3):
        np.testing.assert_allclose(run(model, np.ones((batch, 4), np.float32)), 1 / batch, rtol=1e-6)


def test_an_output_that_is_constant_is_still_given():
    model = graph([helper.make_node("Add", ["a", "a"], ["y"])], [2], a=np.ones(2, np.float32))
    fold_constants(model)
    np.testing.assert_array_equal(run(model, np.zeros(2, np.float32)), [2, 2])


def test_a_small_constant_is_not_blown_up_into_a_large_file():
    nodes = [helper.make_node("Expand", ["a", "to"], ["b"]), helper.make_node("Mul", ["x", "b"], ["y"])]
    model = graph(nodes, [1, 1], a=np.ones((1, 1), np.float32), to=np.array([4096, 4096]))
    fold_constants(model)
    assert kinds(model) == ["Expand", "Mul"]


def test_random_numbers_are_drawn_at_run_time():
    nodes = [
        helper.make_node("RandomNormalLike", ["a"], ["b"]),
        helper.make_node("Mul", ["x", "b"], ["y"]),
    ]
    model = graph(nodes, [2], a=np.ones(2, np.float32))
    fold_constants(model)
    assert "RandomNormalLike" in kinds(model)


def test_an_operator_of_somebodys_own_is_left_alone():
    nodes = [
        helper.make_node("Secret", ["a"], ["b"], domain="somebody"),
        helper.make_node("Shape", ["b"], ["s"]),
        helper.make_node("Cast", ["s"], ["c"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["x", "c"], ["y"]),
    ]
    model = graph(nodes, [2], a=np.ones(2, np.float32))
    model.opset_import.append(helper.make_opsetid("somebody", 1))
    fold_constants(model)
    assert [node.op_type for node in model.graph.node] == ["Secret", "Shape", "Cast", "Mul"]


def test_what_nothing_depends_on_goes():
    nodes = [helper.make_node("Sin", ["x"], ["unread"]), helper.make_node("Cos", ["x"], ["y"])]
    model = graph(nodes, [2], unused=np.ones(3, np.float32))
    fold_constants(model)
    assert kinds(model) == ["Cos"]
    assert not model.graph.initializer


def test_sizes_of_the_outputs_are_told_where_they_are_known():
    model = graph([helper.make_node("Cos", ["x"], ["y"])], ["batch", 4])
    fold_constants(model)
    assert model.graph.output[0].type.tensor_type.shape.dim[1].dim_value == 4
