"""Finished pictures before another background."""

import numpy as np
import pytest
from PIL import Image as Pillow

from cfg.errors import ConfigError
from ditto.motion.vector import resting_motion
from ditto.picture.background import Backdrop, before, colour_of, covering, plate_of
from ditto.picture.cutout.cutout import Cutout
from ditto.source.avatar import SourceFrame
from ditto.stages.messages import Pose

SHAPE = (20, 30)


def source(behind=(1, 2, 3)):
    return SourceFrame(
        0,
        np.zeros((*SHAPE, 3), np.uint8),
        resting_motion(),
        appearance=None,
        landmarks=np.zeros((3, 2), np.float32),
        cutout=Cutout(
            np.zeros(SHAPE, np.uint8), np.zeros((*SHAPE, 3), np.uint8), np.full((8, 12, 3), behind, np.uint8)
        ),
    )


class LeftHalf:
    """A person who fills the left half."""

    def prepare(self, frame):
        return frame

    def __call__(self, pose, image):
        mask = np.zeros(SHAPE, np.uint8)
        mask[:, :15] = 255
        return np.dstack([image, mask])


def shown(wanted, view=None):
    frame = source()
    pose = Pose(0, 0, frame, None, None, None, None)
    return Backdrop(LeftHalf(), wanted, view)(pose, np.full((*SHAPE, 3), 99, np.uint8))


@pytest.mark.parametrize(
    ("text", "colour"), [("green", (0, 177, 64)), ("#0A141e", (10, 20, 30)), ("White", (255, 255, 255))]
)
def test_a_colour_has_a_name_or_a_number(text, colour):
    assert colour_of(text) == colour
    image = shown(text)
    assert (image[:, 15:] == colour).all()
    assert (image[:, :15] == 99).all()


def test_transparent_keeps_the_mask_as_a_fourth_channel():
    image = shown("transparent")
    assert image.shape == (*SHAPE, 4)
    assert image[:, :15, 3].min() == 255 and image[:, 15:, 3].max() == 0


def test_blur_shows_what_is_behind_the_person():
    assert (shown("blur")[:, 15:] == (1, 2, 3)).all()


def test_a_picture_file_covers_all_that_is_behind(tmp_path):
    Pillow.new("RGB", (64, 16), (5, 6, 7)).save(tmp_path / "wall.png")
    assert (shown(str(tmp_path / "wall.png"))[:, 15:] == (5, 6, 7)).all()


def test_a_picture_is_enlarged_evenly_and_cut_in_the_middle():
    wall = np.zeros((10, 40, 3), np.uint8)
    wall[:, 20:] = 200
    covered = covering(wall, (20, 30))
    assert covered.shape == (20, 30, 3)
    assert covered[:, :12].max() < 10 and covered[:, 18:].min() > 190


def test_half_a_mask_mixes_both():
    cut = np.full((2, 2, 4), 100, np.uint8)
    cut[..., 3] = 128
    mixed = before(cut, np.full((2, 2, 3), 200, np.uint8))
    assert np.abs(mixed.astype(int) - 150).max() <= 1


@pytest.mark.parametrize("wrong", ["purpleish", "#12345", "missing.png", ""])
def test_what_is_no_background_is_refused(wrong):
    with pytest.raises(ConfigError, match=r"output\.background"):
        plate_of(wrong)
