"""Restorers of faces: what goes in is an upright face, what comes out stands at its place, steadily."""

import numpy as np
import pytest
from onnx import TensorProto

from cfg.errors import ConfigError, DittoError, MediaError, ModelError
from cfg.settings import EnhanceSettings
from ditto.faces.outline import layout_of
from ditto.media.segments import PIECE_FRAMES
from ditto.picture.enhancers.aligned import CROP_SIDE, EYES_AND_LIPS, TEMPLATE, aligned, similarity
from ditto.picture.enhancers.registry import enhancers
from ditto.picture.enhancers.restore import Restored
from model_formats import open_model
from model_formats.shared import SharedModels


@pytest.fixture
def opened(brightener):
    """opened(path, …): the enhancer the settings ask for."""

    def make(path=None, name="gfpgan", **options):
        settings = EnhanceSettings(enhancer=name, model=str(path or brightener()), **options)
        (made,) = enhancers(settings, SharedModels())
        return made

    return make


def middle_of(landmarks, indices):
    return landmarks[list(indices), :2].mean(axis=0)


def test_a_similarity_brings_points_onto_their_target():
    turn = np.array([[0.8, -0.6], [0.6, 0.8]]) * 1.7
    points = TEMPLATE @ turn.T + (30, -12)
    matrix = similarity(points, TEMPLATE)
    assert np.allclose(points @ matrix[:, :2].T + matrix[:, 2], TEMPLATE, atol=1e-2)


@pytest.mark.parametrize("tilt", [0, 12, -20])
def test_the_cut_shows_the_eyes_level_where_restorers_expect_them(source, tilt):
    landmarks = source.landmarks
    eyes = [middle_of(landmarks, eye) for eye in layout_of(landmarks).eyes]
    turn = np.radians(tilt)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    centre = landmarks[:, :2].mean(axis=0)
    matrix = aligned(landmarks, tilt, source.image.shape).matrix
    placed = np.array(eyes) @ rotation.T + centre - centre @ rotation.T
    for eye, wanted in zip(placed, EYES_AND_LIPS, strict=False):
        there = matrix[:, :2] @ eye + matrix[:, 2]
        assert abs(there[1] - wanted[1]) < 0.06 * CROP_SIDE
        assert abs(there[0] - wanted[0]) < 0.06 * CROP_SIDE


def test_the_change_is_laid_on_the_face_and_nothing_beyond_it(source, pose, opened):
    image = source.image
    result = opened()(pose(), image)
    difference = result.astype(int) - image
    face = source.landmarks[:, :2].mean(axis=0).astype(int)
    assert difference[face[1], face[0]].max() == pytest.approx(0.2 * 127.5, abs=1)
    box = aligned(source.landmarks, 0, image.shape).box
    outside = np.ones(image.shape[:2], bool)
    outside[box] = False
    assert not difference[outside].any()
    assert outside.mean() > 0.2


def test_a_network_that_changes_nothing_leaves_the_picture_bit_for_bit(source, pose, opened, brightener):
    assert np.array_equal(opened(brightener(0.0))(pose(), source.image), source.image)


def test_strength_is_the_share_of_the_change(source, pose, opened):
    whole = opened()(pose(), source.image).astype(int) - source.image
    half = opened(strength=0.5)(pose(), source.image).astype(int) - source.image
    assert half.max() == pytest.approx(whole.max() / 2, abs=1)
    assert enhancers(EnhanceSettings(enhancer="gfpgan", strength=0.0), SharedModels()) == []


def test_fidelity_reaches_codeformers_second_input_in_its_own_type(source, pose, opened, faithful):
    def brighter(fidelity):
        image = source.image
        return (opened(faithful, "codeformer", fidelity=fidelity)(pose(), image).astype(int) - image).max()

    assert brighter(1.0) == 0
    assert 0 < brighter(0.9) < brighter(0.5)


class Flicker:
    """A restorer that gives another brightness every time."""

    inputs = outputs = {"input": (1, 3, 512, 512)}  # noqa: RUF012 - a fake

    def __init__(self):
        self.calls = 0

    def run(self, feeds):
        self.calls += 1
        return {"output": feeds["input"] + np.float32(0.1 if self.calls % 2 else -0.1)}


def swing(source, pose, smoothing, images):
    enhancer = Restored(Flicker(), smoothing=smoothing)
    means = [enhancer(pose(index=n), image).mean() - image.mean() for n, image in enumerate(images)]
    return np.abs(np.diff(means[4:])).mean()


def test_what_rests_does_not_flicker(source, pose):
    still = [source.image] * 12
    assert swing(source, pose, 1.0, still) < 0.3 * swing(source, pose, 0.0, still)


def test_what_moves_is_not_smeared(source, pose):
    rng = np.random.default_rng(0)
    moving = [rng.integers(0, 255, source.image.shape, np.uint8) for _ in range(10)]
    assert swing(source, pose, 1.0, moving) > 0.9 * swing(source, pose, 0.0, moving)


def test_a_piece_of_a_long_video_is_the_same_without_those_before_it(source, pose):
    def changed(first):
        enhancer = Restored(Flicker(), smoothing=1.0)
        return [enhancer(pose(index=n), source.image) for n in range(first, PIECE_FRAMES + 4)][-4:]

    assert all(
        np.array_equal(a, b) for a, b in zip(changed(PIECE_FRAMES - 6), changed(PIECE_FRAMES), strict=True)
    )


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"enhancer": "gfpgan"}, ConfigError, "--enhancer-model"),
        ({"enhancer": "gfpgan", "model": "none.onnx"}, MediaError, "no such file"),
        ({"enhancer": "codeformer", "model": __file__}, ConfigError, "ONNX files, not '.py'"),
        ({"enhancer": "gfpan", "model": "x.onnx"}, ConfigError, "did you mean 'gfpgan'"),
    ],
)
def test_what_is_missing_or_wrong_is_said(options, error, said):
    with pytest.raises(error, match=said):
        enhancers(EnhanceSettings(**options), SharedModels())


@pytest.mark.parametrize("wrong", [{"side": 256}, {"channels": 1}])
def test_a_network_of_another_kind_is_refused(opened, brightener, wrong):
    with pytest.raises(ModelError, match="a restorer of faces takes"):
        opened(brightener(**wrong))


def test_a_file_that_is_no_network_is_refused(tmp_path, opened):
    (tmp_path / "bad.onnx").write_bytes(b"nothing\0")
    with pytest.raises(DittoError, match="cannot be opened"):
        opened(tmp_path / "bad.onnx")


def test_roles_are_found_whatever_the_inputs_are_called(faithful, opened):
    assert open_model(faithful).inputs.keys() == {"x", "weight"}
    assert opened(faithful, "codeformer")._face == "x"


def test_one_that_enlarges_the_face_is_refused_when_it_is_opened(network):
    from onnx import TensorProto

    huge = network(
        [("Resize", ["input", "", "scales"], ["output"], {"mode": "nearest"})],
        [("input", TensorProto.FLOAT, [1, 3, CROP_SIDE, CROP_SIDE])],
        [1, 3, None, None],
        {"scales": np.array([1, 1, 100, 100], np.float32)},
    )
    with pytest.raises(ModelError, match="must give"):
        Restored(open_model(huge))


def test_a_network_that_gives_no_numbers_is_refused(source, pose, opened, network):
    nodes = [("Log", ["face"], ["output"])]
    path = network(nodes, [("face", TensorProto.FLOAT, [1, 3, 512, 512])], [1, 3, 512, 512])
    with pytest.raises(ModelError, match="the enhancer gave values that are not numbers"):
        opened(path)(pose(), source.image)
