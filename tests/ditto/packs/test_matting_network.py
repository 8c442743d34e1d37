"""A matting network of a person's own, wherever a pack needs to know who stands in front."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

from cfg.errors import MediaError, ModelError
from cfg.reading import load
from cfg.settings import PackSettings, Settings
from ditto.media.picture import read_picture
from ditto.motion.pose import Placement
from ditto.packs.mini.pack import MiniPack
from ditto.packs.official.silhouette import PaintedSilhouette
from ditto.picture.cutout.alpha_network import AlphaNetwork
from ditto.stages.messages import Pose
from model_formats.shared import SharedModels
from stream_pipeline.engine import Engine
from tests.ditto.picture.cutout.networks import painted_mask, rvm, saved

PORTRAIT = Path(__file__).parents[3] / "examples" / "drawn_woman.jpg"
SIDE = 320


def fading():
    """A mask that is whole in the middle and fades slowly outwards; no rough network's refined edge is so."""
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    away = np.hypot((columns - 0.5) / 0.9, (rows - 0.45) / 1.2)
    return np.clip(1.5 - 2 * away, 0, 1).astype(np.float32)


@pytest.fixture
def image():
    return read_picture(PORTRAIT, max_size=400)


@pytest.fixture
def pack(tmp_path):
    pack = MiniPack(PackSettings(matting=str(painted_mask(tmp_path / "net.onnx", fading()))))
    yield pack
    pack.close()


def shown(image):
    return cv2.resize(fading(), (image.shape[1], image.shape[0]))


def posed(frame, index=0):
    rest = Placement(0, 0, 0, 1, np.zeros(3, np.float32), np.zeros((21, 3), np.float32))
    return Pose(0, index, frame, None, None, rest, rest)


def test_a_head_that_moves_is_cut_out_by_it_when_a_portrait_is_registered(pack, image):
    look = pack.analyser(Settings()).analyse(image, 0).appearance
    left, top, right, bottom = look.head.box
    x, y = left - look.head.wide_box[0], top - look.head.wide_box[1]
    alpha = look.background.layered[y : y + bottom - top, x : x + right - left, 3] / 255
    wanted = shown(image)[top:bottom, left:right]
    soft = (wanted > 0.3) & (wanted < 0.8)
    as_given = np.abs(alpha - wanted)[soft] < 0.02
    assert soft.mean() > 0.05 and as_given.mean() > 0.5
    assert (alpha > wanted - 0.02).all()  # hairs and the face itself are added


def test_it_is_what_another_background_is_put_behind(pack, image):
    silhouette = pack.silhouette()
    frame = silhouette.prepare(pack.analyser(Settings()).analyse(image, 0))
    assert np.abs(frame.cutout.alpha / 255 - shown(image)).max() < 0.01
    assert (silhouette(posed(frame), frame.image)[..., 3] == frame.cutout.alpha).all()


def test_a_videos_pictures_are_seen_in_their_order(tmp_path, image):
    pack = MiniPack(PackSettings(matting=str(rvm(tmp_path / "net.onnx"))))
    frame = pack.analyser(Settings()).analyse(image, 0)
    silhouette = pack.silhouette()
    first, second = (silhouette.prepare(frame).cutout.alpha.astype(float) for _ in range(2))
    dim = (first > 20) & (first < 100)
    assert second[dim].mean() > 1.05 * first[dim].mean()
    assert (pack.silhouette().prepare(frame).cutout.alpha == first).all()
    pack.close()


def test_painted_pictures_are_cut_out_by_it_in_pieces_that_do_not_depend_on_each_other(pack, tmp_path, image):
    models = SharedModels()
    silhouette = PaintedSilhouette(AlphaNetwork.opened(str(rvm(tmp_path / "net.onnx")), models))
    frame = silhouette.prepare(
        dataclasses.replace(pack.analyser(Settings()).analyse(image, 0), appearance=None)
    )
    cuts = [silhouette(posed(frame, index), image) for index in (249, 250, 251, 500)]
    assert (cuts[0] == cuts[1]).all() and (cuts[3] == cuts[1]).all()
    assert (cuts[2][..., 3] != cuts[1][..., 3]).any()
    assert (cuts[0][..., :3][cuts[0][..., 3] < 255] == 255 - image[cuts[0][..., 3] < 255]).mean() > 0.99
    models.close()


def test_its_file_is_part_of_what_the_official_packs_measurements_depend_on(tmp_path):
    official = pytest.importorskip("ditto.packs.official.pack")
    path = painted_mask(tmp_path / "net.onnx", fading())
    without = official.measuring_files(PackSettings())
    assert official.measuring_files(PackSettings(matting=str(path))) == [*without, path]


def test_another_network_and_a_missing_one_are_refused_before_a_pack_is_opened_or_as_it_is(tmp_path):
    path = saved(tmp_path / "net.onnx", [("Identity", ["a"], ["b"])], {"a": (1, 5)}, {"b": (1, 5)}, {})
    with pytest.raises(ModelError, match="as MODNet does"):
        Engine.load(load("mini", pack={"matting": str(path)}))
    with pytest.raises(MediaError, match="no such file"):
        Engine.load(load("mini", pack={"matting": "none.onnx"}))
