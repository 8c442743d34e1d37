"""ONNX files: damaged ones and unmet wishes are refused in one line."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from cfg.errors import ModelError
from model_formats import open_model


@pytest.mark.parametrize("content", [b"not a graph", bytes(range(256)) * 8])
def test_a_corrupt_file_is_refused_with_the_runtimes_own_words(tmp_path, content):
    path = tmp_path / "decoder.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"decoder.onnx cannot be opened by ONNX Runtime"):
        open_model(path)


def test_a_truncated_file_is_refused(onnx_file):
    onnx_file.write_bytes(onnx_file.read_bytes()[:100])
    with pytest.raises(ModelError, match="cannot be opened"):
        open_model(onnx_file)


def test_a_precision_the_file_does_not_have_is_refused(onnx_file):
    assert open_model(onnx_file, precision="fp32").inputs
    with pytest.raises(ModelError, match="fp16 needs another export"):
        open_model(onnx_file, precision="fp16")


def test_numbers_of_another_type_are_converted_to_what_the_network_takes(onnx_file, feeds):
    opened = open_model(onnx_file)
    doubles = {name: array.astype("float64") for name, array in feeds.items()}
    assert (opened.run(doubles)["sum"] == opened.run(feeds)["sum"]).all()


def test_a_number_without_axes_is_taken_as_one(tmp_path):
    number = helper.make_tensor_value_info("number", TensorProto.FLOAT, [])
    twice = helper.make_tensor_value_info("twice", TensorProto.FLOAT, [])
    graph = helper.make_graph([helper.make_node("Add", ["number"] * 2, ["twice"])], "g", [number], [twice])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "twice.onnx")
    assert open_model(tmp_path / "twice.onnx").run({"number": np.float64(1.5)})["twice"] == 3


def test_threads_that_wait_leave_the_cores_to_other_networks(onnx_file):
    opened = open_model(onnx_file, threads=2)
    options = opened._session.get_session_options()
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


@pytest.mark.parametrize(("mode", "size"), [("linear", [2, 2, 2, 2]), ("odd", [1, 1, 2, 2])])
def test_a_network_that_cannot_run_is_refused_without_a_word_of_the_runtime_beside(
    tmp_path, capfd, mode, size
):
    path = tmp_path / "larger.onnx"
    shape, picture = [1, 1, 4, 4], TensorProto.FLOAT
    larger = helper.make_node("Resize", ["x", "", "f"], ["y"], mode=mode)
    graph = helper.make_graph(
        [larger],
        "larger",
        [helper.make_tensor_value_info("x", picture, shape)],
        [helper.make_tensor_value_info("y", picture, [None] * 4)],
        [helper.make_tensor("f", TensorProto.FLOAT, [4], size)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    with pytest.raises(ModelError) as refused:
        open_model(path).run({"x": np.zeros(shape, np.float32)})
    assert "\n" not in str(refused.value)
    assert capfd.readouterr() == ("", "")
