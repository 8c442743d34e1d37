"""Upscalers by tiles: no seams, no border forgotten, nothing computed twice."""

import numpy as np
import pytest
from onnx import TensorProto

from cfg.errors import ConfigError, ModelError
from cfg.settings import EnhanceSettings
from ditto.picture.enhancers.upscale import TILE_OVERLAP, Upscaled
from model_formats import open_model
from model_formats.shared import SharedModels


@pytest.fixture
def picture():
    def make(height, width):
        return np.random.default_rng(0).integers(0, 240, (height, width, 3), np.uint8)

    return make


class Counting:
    """An upscaler that counts its calls."""

    inputs = {"input": (1, 3, None, None)}  # noqa: RUF012 - a fake

    def __init__(self):
        self.calls = 0

    def run(self, feeds):
        self.calls += 1
        return {"output": feeds["input"].repeat(2, axis=2).repeat(2, axis=3)}


@pytest.mark.parametrize("shape", [(300, 200), (96, 96), (64, 500), (7, 5), (1, 1)])
@pytest.mark.parametrize("side", [None, 96])
def test_tiles_join_without_a_seam_whatever_the_size(picture, doubler, shape, side):
    image = picture(*shape)
    finer = Upscaled(open_model(doubler(side)), tile=96)(None, image)
    assert np.array_equal(finer, image + 10)


def test_strength_mixes_with_the_picture(picture, doubler):
    image = picture(100, 100)
    finer = Upscaled(open_model(doubler()), strength=0.5, tile=96)(None, image)
    assert np.array_equal(finer, image + 5)


def test_only_tiles_that_changed_are_computed_again(picture):
    model = Counting()
    upscaled = Upscaled(model, tile=64 + 2 * TILE_OVERLAP)
    model.calls = 0
    image = picture(256, 256)
    upscaled(None, image)
    assert model.calls == 16
    upscaled(None, image.copy())
    assert model.calls == 16
    changed = image.copy()
    changed[96, 96] = 0  # in the middle of a tile, seen by no other
    upscaled(None, changed)
    assert model.calls == 17


def test_a_network_of_another_kind_is_refused(network, doubler):
    from onnx import TensorProto

    shapeless = network([("Identity", ["input"], ["output"])], [("input", TensorProto.FLOAT, [1, 3])], [1, 3])
    with pytest.raises(ModelError, match="must take one"):
        Upscaled(open_model(shapeless))


def test_one_that_does_not_enlarge_evenly_is_refused(network, picture):
    from onnx import TensorProto

    shape = [1, 3, "h", "w"]
    uneven = network(
        [("Resize", ["input", "", "scales"], ["output"], {"mode": "nearest"})],
        [("input", TensorProto.FLOAT, shape)],
        [1, 3, None, None],
        {"scales": np.array([1, 1, 1.5, 1.5], np.float32)},
    )
    with pytest.raises(ModelError, match="not a whole number"):
        Upscaled(open_model(uneven), tile=96)(None, picture(96, 96))


@pytest.mark.parametrize("side", [None, 256])
def test_one_that_enlarges_beyond_measure_is_refused_before_it_does(network, side):
    from onnx import TensorProto

    huge = network(
        [("Resize", ["input", "", "scales"], ["output"], {"mode": "nearest"})],
        [("input", TensorProto.FLOAT, [1, 3, side or "h", side or "w"])],
        [1, 3, None, None],
        {"scales": np.array([1, 1, 100, 100], np.float32)},
    )
    with pytest.raises(ModelError, match=r"256 pixels 100 times larger, 25600 a side"):
        Upscaled(open_model(huge))


def test_only_onnx_files_are_taken():
    with pytest.raises(ConfigError, match="ONNX files"):
        Upscaled.opened(EnhanceSettings(upscaler=__file__), SharedModels())


def test_a_network_that_gives_no_numbers_is_refused(network, picture):
    path = network([("Log", ["x"], ["output"])], [("x", TensorProto.FLOAT, [1, 3, 64, 64])], [1, 3, 64, 64])
    with pytest.raises(ModelError, match="the upscaler gave values that are not numbers"):
        Upscaled.opened(EnhanceSettings(upscaler=str(path)), SharedModels())(None, picture(64, 64) * 0)
