"""A matting network that a person brings: told by its signature, asked for alphas, or refused."""

import numpy as np
import pytest

from cfg.errors import ConfigError, MediaError, ModelError
from ditto.picture.cutout.alpha_network import AlphaNetwork, matting_file, modnet_size
from ditto.picture.cutout.cutout import Cutout
from ditto.picture.cutout.matting import matting_by
from model_formats.shared import SharedModels
from tests.ditto.picture.cutout.networks import modnet, rvm, saved


@pytest.fixture
def opened():
    models = SharedModels()
    yield lambda path: AlphaNetwork.opened(str(path), models)
    models.close()


def grey(levels, height=64, width=96):
    """A picture, dark on the left and as bright as `levels` on the right."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, width // 2 :] = levels
    return picture


def test_modnets_alpha_is_that_of_the_picture_at_its_size(opened, tmp_path):
    alpha = opened(modnet(tmp_path / "net.onnx"))(grey(204))
    assert alpha.shape == (64, 96) and alpha.dtype == np.float32
    assert np.abs(alpha[:, :40]).max() < 0.01
    assert np.abs(alpha[:, 56:] - 0.8).max() < 0.01


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((600, 600), (512, 512)),
        ((1024, 768), (512, 672)),
        ((300, 400), (672, 512)),
        ((100, 4000), (1920, 64)),
    ],
)
def test_modnet_is_shown_sides_that_are_multiples_of_32(shape, size):
    assert modnet_size(np.zeros((*shape, 3), np.uint8)) == size


def test_a_network_of_a_fixed_size_is_shown_that(opened, tmp_path):
    path = modnet(tmp_path / "net.onnx", (1, 3, 64, 32), (1, 1, 64, 32))
    assert opened(path)(grey(204)).shape == (64, 96)


def test_rvms_alpha_and_colours_are_used_and_it_remembers_a_video(opened, tmp_path):
    network = opened(rvm(tmp_path / "net.onnx"))
    stream = network.following()
    first, second, third = (stream(grey(102)) for _ in range(3))
    for found, expected in ((first, 0.4), (second, 0.5), (third, 0.6)):
        assert np.abs(found.alpha[:, 56:] - expected).max() < 0.01
    assert (first.foreground[:, 56:] == 153).all()
    assert (network(grey(102)) == first.alpha).all()  # alone, it knows of no picture before


def test_videos_that_are_played_at_a_time_do_not_see_each_other(opened, tmp_path):
    network = opened(rvm(tmp_path / "net.onnx"))
    one, other = network.following(), network.following()
    bright = [one(grey(204)) for _ in range(3)]
    assert np.array_equal(other(grey(204)).alpha, bright[0].alpha)


def test_pictures_of_another_size_begin_anew(opened, tmp_path):
    stream = opened(rvm(tmp_path / "net.onnx")).following()
    stream(grey(102))
    alpha = stream(grey(102, 80, 80)).alpha
    assert alpha.shape == (80, 80) and np.abs(alpha[:, 60:] - 0.4).max() < 0.01


def test_its_alpha_is_used_as_it_is_and_its_colours_where_it_gives_them(opened, tmp_path):
    face = np.array([[10, 10], [60, 60]], np.float32)
    plain = matting_by(opened(modnet(tmp_path / "modnet.onnx")))(grey(204), face)
    known = matting_by(opened(rvm(tmp_path / "rvm.onnx")))(grey(204), face)
    for matte in (plain, known):
        assert np.abs(matte.alpha[:, 56:] - 0.8).max() < 0.01
    assert plain.foreground.shape == (64, 96, 3)
    cutout = Cutout.of(grey(204), known.alpha, known.foreground)
    assert (cutout.foreground[:, 56:] == 51).all()
    assert (cutout.alpha[:, 56:] == 204).all()


def strange(path):
    return saved(path, [("Identity", ["a"], ["b"])], {"a": (1, 5)}, {"b": (1, 5)}, {})


def two_pictures(path):
    shape = (1, 3, "h", "w")
    return saved(path, [("Add", ["a", "b"], ["c"])], {"a": shape, "b": shape}, {"c": shape}, {})


@pytest.mark.parametrize(
    ("made", "found"),
    [
        (strange, r"takes a \(1, 5\) and gives b \(1, 5\)"),
        (two_pictures, r"takes a \(1, 3, any, any\), b"),
        (lambda path: modnet(path, (1, 3, 100, 100), (1, 1, 100, 100)), r"picture \(1, 3, 100, 100\)"),
        (lambda path: rvm(path, missing=("fgr",)), "gives pha"),
        (lambda path: rvm(path, channels=4), r"src \(1, 4, any, any\)"),
    ],
)
def test_a_network_of_another_signature_is_refused_in_one_line(opened, tmp_path, made, found):
    path = made(tmp_path / "net.onnx")
    with pytest.raises(ModelError, match=found) as refused:
        opened(path)
    words = str(refused.value)
    assert str(path) in words and "as MODNet does" in words and "as RVM does" in words and "\n" not in words


def test_a_network_that_gives_no_numbers_is_told_of(opened, tmp_path):
    shape = (1, 3, "h", "w")
    nodes = [
        ("ReduceMean", ["a"], ["mean"], {"axes": [1], "keepdims": 1}),
        ("Mul", ["mean", "nothing"], ["empty"]),
        ("Div", ["empty", "empty"], ["b"]),
    ]
    path = saved(tmp_path / "net.onnx", nodes, {"a": shape}, {"b": (1, 1, "h", "w")}, {"nothing": 0})
    with pytest.raises(ModelError, match="the matting network gave values that are not numbers"):
        opened(path)(grey(204))


def test_what_is_no_onnx_file_is_refused_before_anything_is_opened(tmp_path):
    (tmp_path / "net.pth").write_bytes(b"weights")
    with pytest.raises(ConfigError, match=r"matting networks are ONNX files, not '.pth'"):
        matting_file(str(tmp_path / "net.pth"))
    with pytest.raises(MediaError, match="no such file"):
        matting_file("none.onnx")
