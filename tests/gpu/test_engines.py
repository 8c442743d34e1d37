"""TensorRT engines: built, opened, verified and run. Only where a GPU and a TensorRT are."""

from __future__ import annotations

import gc
import importlib.util

import numpy as np
import pytest

from ditto.packs.official.tensorrt_engines import Conversion
from model_formats import open_model
from model_formats.tensorrt_build import Recipe
from model_formats.tensorrt_library import LIBRARIES, find_library

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.gpu, pytest.mark.usefixtures("polygraphy_unbound")]

EFFORT = 1  # of the search for kernels: results are the same, building is quicker


@pytest.fixture(params=LIBRARIES)
def library(request):
    if not torch.cuda.is_available():
        pytest.skip(f"PyTorch {torch.__version__} sees no CUDA GPU")
    if importlib.util.find_spec(request.param) is None or importlib.util.find_spec("cuda") is None:
        pytest.skip(f"{request.param} and cuda-bindings are not installed")
    return find_library((request.param,))


@pytest.mark.parametrize(
    "name",
    [
        "stitch_network",
        "motion_extractor",
        "lmdm_step",
        *(pytest.param(name, marks=pytest.mark.full) for name in ("warp_frame", "decoder")),
    ],
)
def test_an_engine_is_built_opened_and_near_its_graph(name, library, graph_file, tmp_path):
    path, _ = graph_file(name)
    conversion = Conversion(library, tmp_path, Recipe("fp16", effort=EFFORT))
    outcome = conversion.convert(path)
    comparison = conversion.compare_engine(path, outcome)
    assert not comparison.too_far, comparison.table
    assert not conversion.convert(path).built  # its stamp fits


def test_results_of_engines_are_fed_on_where_they_lie(library, graph_file, tmp_path):
    path, _ = graph_file("stitch_network")
    engine = Conversion(library, tmp_path, Recipe("fp16", effort=EFFORT)).convert(path).engine
    keeping, plain = open_model(engine, "cuda", keep_on_device=True), open_model(engine, "cuda")
    rest = np.full((1, 21, 3), 0.1, np.float32)
    host = plain.run({"kp_source": rest, "kp_driving": rest})["out"]
    there = plain.place("kp_source", rest)
    np.testing.assert_array_equal(plain.run({"kp_source": there, "kp_driving": rest})["out"], host)
    kept = keeping.run({"kp_source": rest, "kp_driving": rest})["out"]
    fed = plain.run({"kp_source": rest, "kp_driving": kept})["out"]
    np.testing.assert_array_equal(fed, plain.run({"kp_source": rest, "kp_driving": host})["out"])
    del kept
    gc.collect()
    before = torch.cuda.mem_get_info()[0]
    for _ in range(200):
        plain.run({"kp_source": rest, "kp_driving": rest})
    assert torch.cuda.mem_get_info()[0] >= before - (8 << 20)
    keeping.close()
    plain.close()
