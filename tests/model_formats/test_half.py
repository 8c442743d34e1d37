"""Half precision in a graph: near the exact numbers, and places are never rounded."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from cfg.errors import ModelError  # noqa: E402
from model_formats.export import export_onnx  # noqa: E402
from model_formats.half import to_half  # noqa: E402
from model_formats.rewrite import ordinary_grid_sample  # noqa: E402


class Warper(torch.nn.Module):
    """A volume convolved, sampled where keypoints and a convolution say, and convolved again."""

    def __init__(self) -> None:
        super().__init__()
        self.before = torch.nn.Conv3d(4, 4, 3, padding=1)
        self.flow = torch.nn.Conv3d(4, 3, 1)
        self.after = torch.nn.Conv3d(4, 2, 1)

    def forward(self, volume, shift):
        seen = F.interpolate(F.relu(self.before(volume)), scale_factor=(1, 1, 1))
        here = torch.linspace(-1, 1, 8)
        grid = torch.stack(torch.meshgrid(here, here, here, indexing="ij")[::-1], dim=-1)
        places = grid + shift[:, None, None, None] + 0.01 * torch.tanh(self.flow(seen)).permute(0, 2, 3, 4, 1)
        return self.after(F.grid_sample(seen, places, align_corners=False)) / 2, shift * 1e-6


@pytest.fixture
def exact(tmp_path):
    torch.manual_seed(1)
    path = tmp_path / "warper.onnx"
    example = [torch.randn(1, 4, 8, 8, 8), 0.1 * torch.randn(1, 3)]
    export_onnx(Warper().eval(), path, ["volume", "shift"], ["out", "tiny"], example)
    return onnx.load(path)


FEEDS = {
    "volume": np.random.default_rng(0).standard_normal((1, 4, 8, 8, 8)).astype(np.float32),
    "shift": np.array([[0.111, -0.07, 0.203]], np.float32),
}


def run(model):
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, FEEDS)


def types_read_by(model, kind):
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model)
    known = {t.name: t.data_type for t in inferred.graph.initializer}
    for value in (*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output):
        known[value.name] = value.type.tensor_type.elem_type
    return {known[name] for node in inferred.graph.node if node.op_type == kind for name in node.input}


def test_heavy_operators_work_in_half_and_the_result_is_near(exact):
    before = run(exact)
    assert to_half(exact) > 0
    assert types_read_by(exact, "Conv") == {TensorProto.FLOAT16}
    for given, wanted in zip(run(exact), before, strict=True):
        assert given.dtype == np.float32
        np.testing.assert_allclose(given, wanted, rtol=0, atol=2e-3 * np.abs(wanted).max())


def test_places_are_worked_out_and_sampled_in_single_precision(exact):
    to_half(exact)
    assert types_read_by(exact, "GridSample") == {TensorProto.FLOAT}
    onnx.checker.check_model(exact, full_check=True)


def test_ordinary_operators_may_take_the_place_of_the_sampling_afterwards(exact):
    to_half(exact)
    wanted = run(exact)[0]
    assert ordinary_grid_sample(exact) == 1
    np.testing.assert_allclose(run(exact)[0], wanted, rtol=0, atol=1e-5)


def test_a_number_too_small_for_half_precision_is_not_lost(exact):
    to_half(exact)
    np.testing.assert_allclose(run(exact)[1], FEEDS["shift"] * 1e-6, rtol=1e-6)


def test_names_and_types_of_inputs_and_outputs_stay(exact):
    def face(model):
        return [(v.name, v.type.tensor_type.elem_type) for v in (*model.graph.input, *model.graph.output)]

    before = face(exact)
    to_half(exact)
    assert face(exact) == before


def test_a_result_that_is_read_again_is_given_in_its_own_type():
    weight = np.eye(4, dtype=np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["first"], "a"),
        helper.make_node("MatMul", ["first", "w"], ["second"], "b"),
    ]
    values = {
        n: helper.make_tensor_value_info(n, TensorProto.FLOAT, [2, 4]) for n in ("x", "first", "second")
    }
    graph = helper.make_graph(
        nodes, "g", [values["x"]], [values["first"], values["second"]], [numpy_helper.from_array(weight, "w")]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    to_half(model)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    for given in session.run(None, {"x": x}):
        np.testing.assert_array_equal(given, x)
        assert given.dtype == np.float32


def test_weights_that_half_precision_cannot_hold_are_refused(exact):
    for i, tensor in enumerate(exact.graph.initializer):
        if tensor.name == "before.weight":
            large = numpy_helper.to_array(tensor) * 1e9
            exact.graph.initializer[i].CopyFrom(numpy_helper.from_array(large, tensor.name))
    with pytest.raises(ModelError, match=r"'before.weight' reaches beyond 65504.*keep this network in fp32"):
        to_half(exact)
