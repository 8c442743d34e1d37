"""Where the person is in each finished picture, for both packs."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from cfg.settings import PackSettings, Settings
from ditto import bundled
from ditto.faces.mask import PersonMask
from ditto.media.picture import read_picture
from ditto.motion.pose import Placement
from ditto.packs.mini.background.person_mask import of_mask
from ditto.packs.mini.pack import MiniPack
from ditto.packs.mini.paint.decoder import MiniDecoder
from ditto.packs.mini.paint.warper import MiniWarper
from ditto.packs.official.silhouette import PaintedSilhouette
from ditto.picture.cutout.matting import steadied
from ditto.stages.messages import Pose
from model_formats import open_model

PORTRAIT = Path(__file__).parents[3] / "examples" / "drawn_woman.jpg"
TURNS = (4, 11)  # degrees of roll


@pytest.fixture(scope="module")
def pack():
    opened = MiniPack(PackSettings())
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def frame(pack):
    return pack.analyser(Settings()).analyse(read_picture(PORTRAIT, max_size=400), 0)


@pytest.fixture(scope="module")
def rough():
    """Who stands in front, as the pack's own network sees them."""
    return PersonMask(open_model(bundled.path("person_mask.onnx"), threads=1))


def pose(frame, roll):
    rest = Placement(0, 0, 0, 1, np.zeros(3, np.float32), np.zeros((21, 3), np.float32))
    return Pose(0, 0, frame, None, None, rest, dataclasses.replace(rest, roll=float(roll)))


def painted(at):
    warped = MiniWarper()(at)
    return MiniDecoder()(at, warped)


def overlap(one, other):
    return np.minimum(one, other).sum() / np.maximum(one, other).sum()


def test_a_still_person_is_cut_out_as_the_network_sees_them(pack, frame, rough):
    silhouette = pack.silhouette()
    ready = silhouette.prepare(frame)
    cut = silhouette(pose(ready, 0), ready.image)
    assert (cut[..., 3] == ready.cutout.alpha).all()
    assert overlap(cut[..., 3] / 255, rough(frame.image)) > 0.97


def test_the_mask_moves_with_the_head(pack, frame):
    silhouette = pack.silhouette()
    ready = silhouette.prepare(frame)
    for roll in TURNS:
        at = pose(ready, roll)
        cut = silhouette(at, painted(at))[..., 3] / 255
        seen = (
            pack.silhouette()
            .prepare(dataclasses.replace(frame, image=painted(pose(frame, roll))))
            .cutout.alpha
        )
        assert overlap(cut, seen / 255) > 0.97


def test_edges_hold_still_where_the_head_does(pack, frame):
    silhouette = pack.silhouette()
    ready = silhouette.prepare(frame)
    masks = [silhouette(pose(ready, roll), painted(pose(ready, roll)))[..., 3] for roll in (0, 0.4, 0.8)]
    below = slice(-40, None)  # shoulders
    assert (masks[0][below] == masks[1][below]).all()
    assert np.abs(masks[0].astype(int) - masks[2]).mean() < 1.0


def test_a_face_that_is_not_seen_keeps_the_mask_of_its_picture(pack, frame):
    silhouette = pack.silhouette()
    ready = silhouette.prepare(dataclasses.replace(frame, seen=False, appearance=None))
    assert (silhouette(pose(ready, 9), ready.image)[..., 3] == ready.cutout.alpha).all()


def test_a_head_that_the_upper_edge_cuts_off_ends_in_an_arc(frame):
    """Not in a mirror image, which would grow wider upwards."""
    head = frame.appearance.head
    wide = (head.box[0], head.box[1] - 40, *head.box[2:])
    rows, columns = np.mgrid[: frame.image.shape[0], : frame.image.shape[1]]
    away = np.abs(columns - columns.mean())
    mask = np.where(away < 30 + (rows - head.box[1]) / 2, 255, 0).astype(np.uint8)
    rings = dataclasses.replace(head.rings, wide_box=wide)
    picture, wide_box = of_mask(mask, dataclasses.replace(head, rings=rings))
    widths = (wide_box[..., 0] > 127).sum(axis=1)
    assert (np.diff(widths) >= 0).all()
    assert widths[0] == 0 and widths[40] > 50
    assert np.array_equal(picture[..., 0], mask)


def test_a_painted_picture_is_cut_out_anew_and_the_rest_left(frame, rough):
    silhouette = PaintedSilhouette(rough)
    ready = silhouette.prepare(frame)
    at = pose(ready, 10)
    turned = painted(pose(frame, 10))
    cut = silhouette(at, turned)[..., 3] / 255
    seen = rough(turned)
    assert overlap(cut, ready.cutout.alpha / 255) < overlap(cut, seen)
    outside = np.ones(cut.shape, bool)
    left, top, right, bottom = frame.appearance.head.box
    outside[top:bottom, left:right] = False
    assert np.abs(cut - ready.cutout.alpha / 255)[outside].max(initial=0) < 0.01


def test_a_mask_is_held_where_the_picture_stays_the_same():
    grey = np.zeros((10, 60), np.uint8)
    changed = grey.copy()
    changed[:, 30:] = 200
    before, now = np.ones((10, 60), np.float32), np.zeros((10, 60), np.float32)
    held = steadied((grey, before), changed, now)
    assert held[:, 0].min() > 0.5 and held[:, 59].max() == 0
