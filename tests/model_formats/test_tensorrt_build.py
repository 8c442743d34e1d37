"""Engines built from graphs, against libraries that only pretend: each version gets what it can take."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from torch.nn import functional as F  # noqa: E402

from cfg.errors import ModelError  # noqa: E402
from model_formats.compare import compared, example_data, graph_runner  # noqa: E402
from model_formats.export import export_onnx  # noqa: E402
from model_formats.polygraphy_tools import bind  # noqa: E402
from model_formats.tensorrt_build import Machine, Recipe, build_engine, prepared  # noqa: E402

VERSIONS = (
    ("tensorrt", "8.6.1"),
    ("tensorrt", "10.3.0"),
    ("tensorrt", "11.0.1"),
    ("tensorrt", "11.4.0.106"),
    ("tensorrt_rtx", "1.7.1.116"),
)
BATCH = {"batch": (1, 2, 4)}


class Warper(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mix = torch.nn.Conv3d(2, 2, 1)

    def forward(self, volume, grid):
        return F.gelu(self.mix(F.grid_sample(self.mix(volume), grid, align_corners=False)))


@pytest.fixture
def model(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "warper.onnx"
    example = [torch.randn(1, 2, 3, 4, 4), torch.rand(1, 3, 4, 4, 3)]
    names = ["volume", "grid", "out"]
    export_onnx(
        Warper(), path, names[:2], names[2:], example, open_axes={name: {0: "batch"} for name in names}
    )
    return onnx.load(path)


def built(library, model, **wanted):
    recipe = Recipe(**{"precision": "fp16", "ranges": BATCH, **wanted})
    assert build_engine(library, prepared(model, library, recipe), recipe) == b"plan"
    return library.built


def operators(library, model, recipe):
    return {node.op_type for node in prepared(model, library, recipe).graph.node}


@pytest.mark.parametrize("precision", ["fp16", "fp32"])
@pytest.mark.parametrize(("name", "version"), VERSIONS)
def test_every_version_can_read_the_graph_it_is_given(building, model, name, version, precision):
    built(building(name, version), model, precision=precision)


@pytest.mark.parametrize(("name", "version"), VERSIONS)
def test_volumes_keep_their_own_operator_only_where_the_library_has_it(building, model, name, version):
    library = building(name, version)
    has_it = "GridSample" in operators(library, model, Recipe("fp16", BATCH))
    assert has_it is ((name, version) in (("tensorrt", "11.4.0.106"), ("tensorrt_rtx", "1.7.1.116")))


@pytest.mark.parametrize(("name", "version"), VERSIONS[1:])
def test_newer_versions_take_precision_from_the_graph(building, model, name, version):
    made = built(building(name, version), model)
    assert made.network.flags == 1 << 1
    assert made.config.flags == set()
    convolutions = [layer for layer in made.network.layers if layer.type == "Conv"]
    assert {layer.get_output(0).dtype for layer in convolutions} == {"HALF"}


def test_the_oldest_version_is_told_layer_by_layer_what_stays_single(building, model):
    made = built(building("tensorrt", "8.6.1"), model)
    assert made.config.flags == {"FP16", "OBEY_PRECISION_CONSTRAINTS"}
    pinned = {layer.type for layer in made.network.layers if layer.precision == "FLOAT"}
    free = {layer.type for layer in made.network.layers if layer.precision is None}
    assert {"Floor", "Sub"} <= pinned and "Conv" in free - pinned
    assert all(layer.pinned == {0: "FLOAT"} for layer in made.network.layers if layer.precision)


def test_single_precision_is_not_rounded_unless_allowed(building, model):
    library = building("tensorrt", "10.3.0")
    assert built(library, model, precision="fp32").config.flags == set()
    assert built(library, model, precision="fp32", tf32=True).config.flags == {"TF32"}


def test_open_axes_get_the_sizes_asked_for(building, model):
    (profile,) = built(building("tensorrt", "10.3.0"), model).config.profiles
    assert profile.shapes["volume"] == ((1, 2, 3, 4, 4), (2, 2, 3, 4, 4), (4, 2, 3, 4, 4))


def test_an_axis_of_one_size_is_not_open(building, model):
    made = built(building("tensorrt", "10.3.0"), model, ranges={"batch": (1, 1, 1)})
    (profile,) = made.config.profiles
    assert profile.shapes["volume"] == ((1, 2, 3, 4, 4),) * 3


def test_an_open_axis_without_sizes_is_named(building, model):
    library, recipe = building("tensorrt", "10.3.0"), Recipe("fp32", {"steps": (1, 2, 3)})
    with pytest.raises(ModelError, match=r"'volume' has an open axis 'batch'; say its sizes, e.g. --range"):
        build_engine(library, prepared(model, library, recipe), recipe)


def test_effort_memory_and_newer_gpus_are_passed_on(building, model):
    config = built(building("tensorrt", "10.3.0"), model, effort=2, workspace=512, newer_gpus=True).config
    assert (config.builder_optimization_level, config.workspace) == (2, 512 << 20)
    assert config.hardware_compatibility_level.name == "AMPERE_PLUS"


def test_timings_are_kept_between_builds(building, model, tmp_path):
    library, recipe, cache = building("tensorrt", "10.3.0"), Recipe("fp16", BATCH), tmp_path / "timings.bin"
    for _ in range(2):
        build_engine(library, prepared(model, library, recipe), recipe, cache)
    assert cache.read_bytes() == b"++"


def test_progress_of_the_outermost_phase_is_told(building, model):
    library, recipe, said = building("tensorrt", "10.3.0"), Recipe("fp16", BATCH), []
    build_engine(library, prepared(model, library, recipe), recipe, report=lambda *step: said.append(step))
    assert said == [("Building", 0, 2), ("Building", 1, 2), ("Building", 2, 2), ("Building", 2, 2)]


def test_what_the_parser_refuses_is_said(building, model):
    library, recipe = building("tensorrt", "8.6.1"), Recipe("fp16", BATCH)
    with pytest.raises(ModelError, match=r"8.6.1 cannot read the graph: opset 20 is not supported.*rank 5"):
        build_engine(library, model, recipe)


def test_a_library_older_than_8_6_is_refused(building, model):
    with pytest.raises(ModelError, match=r"TensorRT 8.5.3 is too old; 8.6 is the oldest"):
        build_engine(building("tensorrt", "8.5.3"), model, Recipe("fp16", BATCH))


def test_engines_for_rtx_need_no_word_about_newer_gpus(building, model):
    with pytest.raises(ModelError, match="run on every GPU as they are; remove --newer-gpus"):
        build_engine(building("tensorrt_rtx", "1.7.1"), model, Recipe("fp16", BATCH, newer_gpus=True))


def test_the_model_given_is_left_as_it_was(building, model):
    before = model.SerializeToString()
    prepared(model, building("tensorrt", "8.6.1"), Recipe("fp16", BATCH))
    assert model.SerializeToString() == before


def test_a_stamp_changes_with_everything_an_engine_depends_on(building):
    here = Machine("Imaginary GPU", "9.0", "12.4")
    there = (Machine("Other GPU", "9.0", "12.4"), Machine("Imaginary GPU", "9.0", "13.0"))
    library, recipe = building("tensorrt", "10.3.0"), Recipe("fp16", BATCH)
    stamp = here.stamp(library, "aa", recipe)
    assert stamp == here.stamp(building("tensorrt", "10.3.0"), "aa", Recipe("fp16", dict(BATCH)))
    others = [machine.stamp(library, "aa", recipe) for machine in there]
    others += [here.stamp(library, "bb", recipe), here.stamp(library, "aa", Recipe("fp32", BATCH))]
    others += [here.stamp(library, "aa", Recipe("fp16", {"batch": (1, 1, 1)}))]
    others += [here.stamp(building("tensorrt", "10.4.0"), "aa", recipe)]
    assert stamp not in others
    assert here.stamp(library, "aa", Recipe("fp16", newer_gpus=True)).capability == "8.0+"


@pytest.mark.parametrize(("name", "version"), VERSIONS)
def test_the_rewritten_graph_gives_nearly_the_same_numbers(building, model, name, version):
    library = building(name, version)
    bind(library)
    data = example_data(model.graph, {"batch": 2}, {"grid": 0.4}, {})
    rewritten = graph_runner(prepared(model, library, Recipe("fp16", BATCH)), "rewritten")
    (out,) = compared(graph_runner(model, "exported"), rewritten, data, 5e-3).outputs
    assert 0 < out.mean < out.largest < 5e-3 and not out.too_far
