import math

import cv2
import numpy as np
import pytest

from ditto.packs.official.crop import (
    Framing,
    axis_points,
    corners,
    crop,
    face_rect,
    move,
    turned_corners,
)

EXACT = int(cv2.__version__.split(".")[0]) >= 5  # OpenCV 4 places samples on a grid of 1/32 pixel


def near(found, expected):
    expected = np.asarray(expected)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.golden("crop", op="pt2")
def test_two_points_give_the_faces_axis(case):
    found = axis_points(case.given["pts"], case.options["use_lip"])
    assert found.dtype == case.expected["pt2"].dtype
    near(found, case.expected["pt2"])


def rect_of(case):
    o = case.options
    return face_rect(
        case.given["pts"],
        o.get("scale", 1.5),
        o.get("vx_ratio", 0),
        o.get("vy_ratio", 0),
        use_lips=o.get("use_lip", True),
        square=o.get("need_square", True),
    )


@pytest.mark.golden("crop", op="rect")
def test_the_rect_around_landmarks(case):
    rect = rect_of(case)
    near(rect.centre, case.expected["center"])
    near(rect.size, case.expected["size"])
    angle = math.degrees(rect.angle) if case.options.get("use_deg_flag") else rect.angle
    assert angle == pytest.approx(float(case.expected["angle"]), rel=1e-5, abs=1e-5)


@pytest.mark.golden("crop", op="bbox")
def test_the_corners_of_the_rect(case):
    rect = rect_of(case)
    near(rect.centre, case.expected["center"])
    near(rect.size, case.expected["size"])
    near(corners(rect), case.expected["bbox"])
    near(turned_corners(rect), case.expected["bbox_rot"])


@pytest.mark.golden("crop", op="crop")
def test_the_crop_and_its_matrices(case):
    o = case.options
    image = cv2.GaussianBlur(case.given["image"], (0, 0), o["blur_sigma"])
    # the reference drops the shift to the right
    framing = Framing(o["dsize"], o["scale"], down=o["vy_ratio"], upright=o["flag_do_rot"])
    found = crop(image, case.given["pts"], framing)
    near(found.from_frame, case.expected["M_o2c"])
    near(found.to_frame, case.expected["M_c2o"])
    if o.get("pt_crop_flag", True):
        near(move(case.given["pts"], found.from_frame), case.expected["pt_crop"])
    stride = o["stride"]
    apart = np.abs(found.image[::stride, ::stride].astype(int) - case.expected["img_crop"])
    if EXACT:
        assert apart.max() == 0
        assert found.image.mean() == pytest.approx(float(case.expected["img_crop_mean"]))
    else:
        assert apart.max() <= 3
        assert apart.mean() <= 0.02
