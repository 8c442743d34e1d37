"""Every exported graph is read and built by a real TensorRT, the one for RTX: it needs no GPU for that.

Each graph is taken as it was exported, and as it is prepared for the oldest TensorRT, in half
precision where its network bears it.
"""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
rtx = pytest.importorskip("tensorrt_rtx", reason="tensorrt_rtx is not installed: 'ditto-engine[trt-rtx]'")

from onnx import TensorProto, helper  # noqa: E402

from cfg.errors import ModelError  # noqa: E402
from ditto.packs.official.export import Exporter  # noqa: E402
from ditto.packs.official.graphs import GRAPHS  # noqa: E402
from ditto.packs.official.tensorrt_engines import RANGES, precision_of  # noqa: E402
from model_formats.rewrite import ordinary_grid_sample, standard_grid_sample  # noqa: E402
from model_formats.tensorrt_build import Recipe, build_engine, prepared  # noqa: E402

pytestmark = pytest.mark.usefixtures("polygraphy_unbound")
HELD = ("warp_network", "decoder", "lmdm_v0.4_hubert")  # to the reference numbers, as graphs too
SIZES = {"batch": (1, 1, 2), **RANGES}


def graph_of(name, seeded_pth, folder):
    role = GRAPHS[name].network
    written = Exporter({role: seeded_pth(role)}, folder, verify=name not in HELD).write(name)
    assert not written.too_far
    return onnx.load(written.path)


@pytest.mark.full
@pytest.mark.parametrize("name", GRAPHS)
def test_an_exported_graph_is_read_and_built(name, seeded_pth, tmp_path, building):
    model = graph_of(name, seeded_pth, tmp_path)
    recipe = Recipe("fp32", SIZES)
    assert build_engine(rtx, model, recipe).nbytes > 1000
    recipe = Recipe(precision_of(name), {**SIZES, "batch": (1, 1, 1)})
    for_the_oldest = prepared(model, building("tensorrt", "8.6.1"), recipe)
    assert for_the_oldest.opset_import[0].version == 17
    assert build_engine(rtx, for_the_oldest, recipe).nbytes > 1000


@pytest.mark.full
def test_the_published_form_of_the_warp_network_is_read_and_built(seeded_pth, tmp_path):
    """With the plugin's operator, as far as it is known: no such plugin is at hand."""
    model = graph_of("warp_network", seeded_pth, tmp_path)
    as_published(model)
    for recipe in (Recipe("fp16"), Recipe("fp32")):
        recipe = Recipe(recipe.precision, {"batch": (1, 1, 1)})
        assert build_engine(rtx, prepared(model, rtx, recipe), recipe).nbytes > 1000
    assert standard_grid_sample(model) == 2


def as_published(model):
    for node in model.graph.node:
        if node.op_type == "GridSample":
            node.op_type = "GridSample3D"
            del node.attribute[:]
            numbers = {"interpolation_mode": 0, "padding_mode": 0, "align_corners": 0}
            node.attribute.extend(helper.make_attribute(key, value) for key, value in numbers.items())


def test_the_largest_sampling_is_built_from_ordinary_operators_too():
    shapes = {"volume": [1, 32, 16, 64, 64], "grid": [1, 16, 64, 64, 3], "out": [1, 32, 16, 64, 64]}
    values = {n: helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in shapes.items()}
    node = helper.make_node("GridSample", ["volume", "grid"], ["out"], "sample")
    graph = helper.make_graph([node], "g", [values["volume"], values["grid"]], [values["out"]])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    assert ordinary_grid_sample(model) == 1
    assert build_engine(rtx, model, Recipe("fp32")).nbytes > 1000


def test_what_the_library_says_of_an_unreadable_graph_is_kept():
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [2]) for n in "xy")
    node = helper.make_node("GridSample3D", ["x"], ["y"], "sample")
    model = helper.make_model(
        helper.make_graph([node], "g", [x], [y]), opset_imports=[helper.make_opsetid("", 20)], ir_version=9
    )
    with pytest.raises(ModelError, match=r"TensorRT 1\.\S+ cannot read the graph: .*GridSample3D"):
        build_engine(rtx, model, Recipe("fp32"))


def test_what_pretends_to_be_tensorrt_can_do_nothing_that_a_real_one_cannot(building):
    builder = building("tensorrt", "10.3.0").Builder(None)
    pretended = {
        rtx.Builder: builder,
        rtx.IBuilderConfig: builder.create_builder_config(),
        rtx.INetworkDefinition: builder.create_network(),
        rtx.IOptimizationProfile: builder.create_optimization_profile(),
    }
    for real, stand_in in pretended.items():
        functions = {name for name in vars(type(stand_in)) if callable(getattr(stand_in, name))}
        assert functions - set(dir(real)) == set()
