"""Soft shapes, and the shadow where lips or lids meet."""

import cv2
import numpy as np
import pytest

from ditto.packs.mini.curves import inverse
from ditto.packs.mini.paint.shapes import blurred, draw_slit, tint
from ditto.packs.mini.placing.record import Slit

DARK = np.array([60, 20, 20], np.float32)


@pytest.fixture
def skin():
    return np.full((60, 120, 3), 180, np.uint8)


def line(y):
    return np.stack([np.linspace(20, 100, 33), np.full(33, y)], 1).astype(np.float32)


@pytest.mark.parametrize("thick", [1.0, 3.0, 8.0])
def test_lips_that_meet_leave_a_shadow_as_thick_as_asked(skin, thick):
    picture = skin.copy()
    draw_slit(picture, Slit(line(30.0), line(30.0), thick, DARK, 1.0), (0, 0, 120, 60))
    missing = (180.0 - picture[:, 60, 1]).sum() / 160
    assert missing == pytest.approx(thick, abs=0.4, rel=0.2)
    assert picture[30, 60, 1] < 130
    assert (picture[30, :10] == 180).all() and (picture[30, 110:] == 180).all()


def test_a_slit_between_two_lips_is_dark_throughout(skin):
    draw_slit(skin, Slit(line(25.0), line(35.0), 1.0, DARK, 1.0), (0, 0, 120, 60))
    assert (np.abs(skin[27:34, 40:80].astype(int) - DARK.astype(int)) <= 2).all()


def test_a_shadow_that_is_not_there_changes_nothing(skin):
    picture = skin.copy()
    draw_slit(picture, Slit(line(30.0), line(30.0), 3.0, DARK, 0.0), (0, 0, 120, 60))
    assert np.array_equal(picture, skin)


def test_a_shadow_beyond_the_limits_is_left_out(skin):
    picture = skin.copy()
    draw_slit(picture, Slit(line(30.0), line(30.0), 3.0, DARK, 1.0), (0, 0, 50, 60))
    assert np.array_equal(picture[:, 50:], skin[:, 50:])
    assert not np.array_equal(picture[:, :50], skin[:, :50])


@pytest.mark.parametrize("sigma", [0.5, 1.3, 6.0])
@pytest.mark.parametrize("shape", [(40, 57), (3, 9), (1, 1)])
def test_a_plane_is_blurred_by_a_gaussian(sigma, shape):
    plane = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    side = 2 * int(np.ceil(3 * sigma)) + 1
    wanted = cv2.GaussianBlur(
        plane.astype(np.float64), (side, side), sigma, borderType=cv2.BORDER_REFLECT_101
    )
    assert blurred(plane, sigma, 0.5) == pytest.approx(wanted / 2, abs=255 * 1e-5)
    assert blurred(plane.astype(np.float32), sigma, 0.5) == pytest.approx(wanted / 2, abs=255 * 1e-5)


def test_a_colour_is_laid_on_as_far_as_the_mask_says():
    picture = np.full((6, 8, 3), 100, np.uint8)
    tint(picture, (2, 1), np.array([[0, 0.5, 1]], np.float32), (200, 0, 100))
    assert picture[1, 2:5].tolist() == [[100, 100, 100], [150, 50, 100], [200, 0, 100]]
    assert (np.delete(picture, 1, 0) == 100).all()


def test_a_matrix_turned_around_undoes_it():
    matrix = np.array([[1.5, -0.4], [0.3, 2.0]], np.float32)
    assert inverse(matrix) @ matrix == pytest.approx(np.eye(2), abs=1e-6)
