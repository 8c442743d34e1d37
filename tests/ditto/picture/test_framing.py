"""The part of a picture that a video shows."""

import numpy as np
import pytest

from cfg.errors import ConfigError
from cfg.settings import FramingSettings, SourceSettings
from ditto.motion.vector import resting_motion
from ditto.picture.framing import view_of
from ditto.source.avatar import SourceFrame

HEIGHT, WIDTH = 200, 300
FACE = (60, 40)  # x, y of the middle of a face 40 pixels wide and 50 high


def source(height=HEIGHT, width=WIDTH, at=FACE):
    image = np.dstack(
        np.broadcast_arrays(np.arange(height)[:, None] % 256, np.arange(width) % 256, np.uint8(7))
    ).astype(np.uint8)
    points = np.array([[-20, -25], [20, 25], [0, 0]], np.float32) + np.array(at, np.float32)
    return SourceFrame(0, image, resting_motion(), None, points)


def shown(framing, frame=None, **settings):
    """The picture the video shows, and the row and column of its first pixel in the source."""
    frame = frame or source()
    view = view_of(frame, FramingSettings(**framing), SourceSettings(**settings))
    image = frame.image if view is None else view(frame.image)
    return image, int(image[0, 0, 0]), int(image[0, 0, 1])


def test_the_whole_picture_is_shown_by_default():
    assert view_of(source(), FramingSettings(), SourceSettings()) is None
    assert view_of(source(), FramingSettings(preprocess="extfull"), SourceSettings()) is None


def test_crop_shows_a_square_of_so_many_faces_about_the_face():
    image, top, left = shown({"preprocess": "crop"}, source(at=(150, 100)), crop_scale=2, crop_vy_ratio=0)
    assert image.shape == (100, 100, 3)
    assert (top, left) == (50, 100)


def test_extcrop_shows_more_than_crop():
    near = shown({"preprocess": "crop"}, source(at=(150, 100)), crop_scale=2)[0]
    far = shown({"preprocess": "extcrop"}, source(at=(150, 100)), crop_scale=2)[0]
    assert far.shape[0] == 1.5 * near.shape[0]


def test_the_square_may_be_moved_and_stays_inside_the_picture():
    frame = source(at=(150, 100))
    centred = shown({"preprocess": "crop"}, frame, crop_scale=2, crop_vy_ratio=0)
    moved = shown({"preprocess": "crop"}, frame, crop_scale=2, crop_vx_ratio=0.2, crop_vy_ratio=-0.1)
    assert (moved[1] - centred[1], moved[2] - centred[2]) == (-10, 20)
    _, top, left = shown({"preprocess": "crop"}, crop_scale=2)
    assert (top, left) == (0, 10)
    assert shown({"preprocess": "crop"}, crop_scale=5)[0].shape == (HEIGHT, HEIGHT, 3)


@pytest.mark.parametrize("preprocess", ["crop", "resize", "extcrop"])
def test_squares_come_at_the_size_asked_for(preprocess):
    assert shown({"preprocess": preprocess, "size": 256})[0].shape == (256, 256, 3)


def test_the_size_of_a_whole_picture_is_its_longest_side():
    assert shown({"size": 150})[0].shape == (100, 150, 3)
    assert shown({"size": 600})[0].shape == (400, 600, 3)


@pytest.mark.parametrize(
    ("aspect", "shape"), [("1:1", (200, 200)), ("9:16", (200, 112)), ("3:1", (100, 300))]
)
def test_an_aspect_is_cut_around_the_face(aspect, shape):
    image, top, left = shown({"aspect": aspect})
    assert image.shape[:2] == shape
    rows, columns = range(top, top + shape[0]), range(left, left + shape[1])
    assert FACE[1] in rows and FACE[0] in columns


@pytest.mark.parametrize(
    ("aspect", "shape"), [("1:1", (300, 300)), ("9:16", (533, 300)), ("3:1", (200, 600))]
)
def test_an_aspect_is_padded_and_all_of_the_picture_kept(aspect, shape):
    frame = source()
    image = shown({"aspect": aspect, "aspect_fit": "pad"}, frame)[0]
    assert image.shape[:2] == shape
    top, left = (shape[0] - HEIGHT) // 2, (shape[1] - WIDTH) // 2
    assert (image[top : top + HEIGHT, left : left + WIDTH] == frame.image).all()


def test_padding_never_moves():
    frame = source()
    view = view_of(frame, FramingSettings(aspect="3:1", aspect_fit="pad"), SourceSettings())
    assert (view(frame.image)[:, :100] == view(255 - frame.image)[:, :100]).all()


def test_a_picture_with_alpha_is_padded_with_nothing():
    frame = source()
    view = view_of(frame, FramingSettings(aspect="3:1", aspect_fit="pad"), SourceSettings())
    opaque = np.dstack([frame.image, np.full(frame.image.shape[:2], 255, np.uint8)])
    assert view(opaque)[:, :100, 3].max() == 0
    assert view(opaque)[:, 200:400, 3].min() == 255


@pytest.mark.parametrize(
    "wrong",
    [{"aspect": "16x9"}, {"aspect": "0:1"}, {"size": 10}, {"preprocess": "resize", "aspect": "1:1"}],
)
def test_what_makes_no_picture_is_refused(wrong):
    with pytest.raises(ConfigError, match=r"framing\."):
        FramingSettings(**wrong)


@pytest.mark.parametrize(("aspect", "size"), [("1:1", (100, 100)), ("3:2", (100, 150)), ("1:2", (200, 100))])
def test_a_crop_of_another_aspect_holds_the_square(aspect, size):
    frame = source(at=(150, 100))
    image, top, left = shown({"preprocess": "crop", "aspect": aspect}, frame, crop_scale=2, crop_vy_ratio=0)
    assert image.shape[:2] == size
    assert (top, left) == (100 - size[0] // 2, 150 - size[1] // 2)


def test_a_crop_of_another_aspect_is_made_smaller_where_the_picture_ends():
    image, top, left = shown({"preprocess": "crop", "aspect": "2:1"}, crop_scale=4, crop_vy_ratio=0)
    assert image.shape[:2] == (150, 300)
    assert (top, left) == (0, 0)


def test_a_crop_of_another_aspect_may_be_padded_instead():
    framing = {"preprocess": "crop", "aspect": "4:1", "aspect_fit": "pad"}
    image = shown(framing, source(at=(150, 100)), crop_scale=2, crop_vy_ratio=0)[0]
    assert image.shape[:2] == (100, 400)
    assert (image[:, 50:350] == source().image[50:150]).all()
    square = {"preprocess": "crop", "aspect_fit": "pad"}
    assert shown(square, crop_scale=5)[0].shape == (HEIGHT, HEIGHT, 3)
