"""Graphs that warp volumes, rewritten for runtimes that lack the operator: the numbers stay."""

from __future__ import annotations

import sys

import numpy as np
import onnxruntime as ort
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from cfg.errors import ModelError  # noqa: E402
from model_formats import open_model  # noqa: E402
from model_formats.rewrite import (  # noqa: E402
    fix_axes,
    lower_to_opset_17,
    ordinary_grid_sample,
    standard_grid_sample,
)

VOLUME, GRID = (2, 5, 4, 6, 7), (2, 3, 5, 4, 3)
PADDINGS = ("zeros", "border", "reflection")
BOUND = 2e-5  # volumes here are of numbers around 1


def sampling(batch=2, opset=20, domain="", kind="GridSample", **attributes):
    """A graph that does nothing but sample a volume."""
    node = helper.make_node(kind, ["volume", "grid"], ["out"], "sample", domain=domain, **attributes)
    graph = helper.make_graph(
        [node],
        "sampling",
        [
            helper.make_tensor_value_info("volume", TensorProto.FLOAT, [batch, *VOLUME[1:]]),
            helper.make_tensor_value_info("grid", TensorProto.FLOAT, [batch, *GRID[1:]]),
        ],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [batch, VOLUME[1], *GRID[1:4]])],
    )
    imports = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    return helper.make_model(graph, opset_imports=imports, ir_version=9)


def plugin_sampling(**attributes):
    """As the published warp network has it: an operator of no standard, its modes counted."""
    return sampling(opset=17, kind="GridSample3D", **attributes)


def run(model, **feeds):
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feeds)[0]


def arrays(reach=1.0, seed=0):
    generator = np.random.default_rng(seed)
    volume = generator.standard_normal(VOLUME).astype(np.float32)
    grid = (reach * generator.uniform(-1, 1, GRID)).astype(np.float32)
    grid.reshape(-1, 3)[:4] = [[-1, -1, -1], [1, 1, 1], [0, 0, 0], [1, -1, 0.5]]  # corners to the bit
    return {"volume": volume, "grid": grid}


def kinds(model):
    return {node.op_type for node in model.graph.node}


def pytorch(feeds, padding, align):
    volume, grid = (torch.from_numpy(feeds[name]) for name in ("volume", "grid"))
    return F.grid_sample(volume, grid, padding_mode=padding, align_corners=align).numpy()


@pytest.mark.parametrize("batch", [2, "any"])
@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("reach", [0.9, 1.3, 7.0])
def test_ordinary_operators_sample_as_pytorch_does(padding, align, reach, batch):
    model = sampling(batch, padding_mode=padding, align_corners=int(align))
    assert ordinary_grid_sample(model) == 1
    onnx.checker.check_model(model, full_check=True)
    assert "GridSample" not in kinds(model)
    feeds = arrays(reach)
    np.testing.assert_allclose(run(model, **feeds), pytorch(feeds, padding, align), rtol=0, atol=BOUND)


@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("padding", PADDINGS)
def test_the_plugins_operator_becomes_the_standard_one(padding, align):
    model = plugin_sampling(
        interpolation_mode=0, padding_mode=PADDINGS.index(padding), align_corners=int(align)
    )
    assert standard_grid_sample(model) == 1
    onnx.checker.check_model(model, full_check=True)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 20)]
    feeds = arrays(1.3)
    np.testing.assert_allclose(run(model, **feeds), pytorch(feeds, padding, align), rtol=0, atol=BOUND)


def test_a_file_with_the_plugins_operator_is_opened_as_it_is_published(tmp_path):
    path = tmp_path / "warp_network.onnx"
    onnx.save(plugin_sampling(interpolation_mode=0, padding_mode=0, align_corners=0), path)
    feeds = arrays(1.3)
    given = open_model(path).run(feeds)["out"]
    np.testing.assert_allclose(given, pytorch(feeds, "zeros", False), rtol=0, atol=BOUND)


def test_without_the_package_that_rewrites_it_says_which_is_missing(tmp_path, monkeypatch):
    path = tmp_path / "warp_network.onnx"
    onnx.save(plugin_sampling(), path)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ModelError, match=r"uses the operator GridSample3D, .*\[export\]"):
        open_model(path)


def test_modes_may_be_named_and_the_operator_may_have_a_domain_of_its_own():
    model = sampling(
        kind="GridSample3D", domain="plugins", interpolation_mode="bilinear", padding_mode="border"
    )
    standard_grid_sample(model)
    assert [o.domain for o in model.opset_import] == [""]
    feeds = arrays(1.3)
    np.testing.assert_allclose(run(model, **feeds), pytorch(feeds, "border", False), rtol=0, atol=BOUND)


def test_an_unknown_mode_is_refused_with_those_that_are_known():
    with pytest.raises(ModelError, match=r"padding_mode is 7, but must be one of 0 \(zeros\), 1 \(border\)"):
        standard_grid_sample(plugin_sampling(padding_mode=7))


def test_nearest_places_are_not_rewritten_as_if_they_were_blended():
    model = sampling(mode="nearest")
    with pytest.raises(ModelError, match="only 'linear' can be rewritten"):
        ordinary_grid_sample(model)


def test_a_volume_of_open_size_is_refused():
    model = sampling()
    model.graph.input[0].type.tensor_type.shape.dim[3].dim_param = "height"
    with pytest.raises(ModelError, match="sizes of its volume and grid must be fixed"):
        ordinary_grid_sample(model)


def test_pictures_keep_the_standard_operator():
    model = sampling()
    for value in (*model.graph.input, *model.graph.output):
        del value.type.tensor_type.shape.dim[2]
    model.graph.input[1].type.tensor_type.shape.dim[-1].dim_value = 2
    assert ordinary_grid_sample(model) == 0
    assert kinds(model) == {"GridSample"}


def test_half_precision_volumes_are_placed_in_single_precision():
    model = sampling(padding_mode="zeros")
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    feeds = arrays(1.1)
    ordinary_grid_sample(model)
    given = run(model, volume=feeds["volume"].astype(np.float16), grid=feeds["grid"])
    np.testing.assert_allclose(given, pytorch(feeds, "zeros", False), rtol=0, atol=5e-3)


class Newer(torch.nn.Module):
    """Operators that changed after opset 17, around a warped volume."""

    def forward(self, volume, grid):
        volume = F.gelu(volume) - volume.mean(dim=(1, 2), keepdim=True)
        volume = F.interpolate(F.avg_pool3d(volume, (1, 2, 1)), scale_factor=(1, 2, 1))
        low, high = F.pad(F.grid_sample(volume, grid, align_corners=False), (1, 0)).chunk(2, dim=-1)
        return low[..., :2] * high[..., :2]


@pytest.fixture
def newer(tmp_path):
    from model_formats.export import export_onnx

    path = tmp_path / "newer.onnx"
    example = [torch.from_numpy(array) for array in arrays().values()]
    export_onnx(
        Newer(),
        path,
        ["volume", "grid"],
        ["out"],
        example,
        open_axes={name: {0: "batch"} for name in ("volume", "grid", "out")},
    )
    return path


def test_a_graph_lowered_for_old_runtimes_gives_the_same_numbers(newer):
    feeds, model = arrays(), onnx.load(newer)
    before = run(model, **feeds)
    lower_to_opset_17(model)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 17)]
    assert not kinds(model) & {"Gelu", "GridSample"}
    np.testing.assert_allclose(run(model, **feeds), before, rtol=0, atol=BOUND)


def test_an_operator_without_an_older_form_is_named():
    model = sampling()
    model.graph.node[0].CopyFrom(helper.make_node("Mish", ["volume"], ["out"], "m"))
    with pytest.raises(ModelError, match=r"cannot be lowered to opset 17: .*Mish"):
        lower_to_opset_17(model)


def test_a_fixed_batch_leaves_no_open_axis_and_the_same_numbers(newer):
    feeds, model = arrays(), onnx.load(newer)
    before, nodes = run(model, **feeds), len(model.graph.node)
    fix_axes(model, {"batch": 2})
    assert len(model.graph.node) <= nodes
    for value in (*model.graph.input, *model.graph.output):
        assert all(axis.dim_value for axis in value.type.tensor_type.shape.dim)
    np.testing.assert_array_equal(run(model, **feeds), before)
