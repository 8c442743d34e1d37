"""The shadow where lips or lids meet."""

import numpy as np
import pytest

from ditto.mini.shapes import draw_slit

DARK = np.array([60, 20, 20], np.float32)


@pytest.fixture
def skin():
    return np.full((60, 120, 3), 180, np.uint8)


def line(y):
    return np.stack([np.linspace(20, 100, 33), np.full(33, y)], 1).astype(np.float32)


@pytest.mark.parametrize("thick", [1.0, 3.0, 8.0])
def test_lips_that_meet_leave_a_shadow_as_thick_as_asked(skin, thick):
    picture = skin.copy()
    draw_slit(picture, line(30.0), line(30.0), thick, DARK, 1.0, (0, 0, 120, 60))
    missing = (180.0 - picture[:, 60, 1]).sum() / 160
    assert missing == pytest.approx(thick, abs=0.4, rel=0.2)
    assert picture[30, 60, 1] < 130
    assert (picture[30, :10] == 180).all() and (picture[30, 110:] == 180).all()


def test_a_slit_between_two_lips_is_dark_throughout(skin):
    draw_slit(skin, line(25.0), line(35.0), 1.0, DARK, 1.0, (0, 0, 120, 60))
    assert (np.abs(skin[27:34, 40:80].astype(int) - DARK.astype(int)) <= 2).all()


def test_a_shadow_that_is_not_there_changes_nothing(skin):
    picture = skin.copy()
    draw_slit(picture, line(30.0), line(30.0), 3.0, DARK, 0.0, (0, 0, 120, 60))
    assert np.array_equal(picture, skin)


def test_a_shadow_beyond_the_limits_is_left_out(skin):
    picture = skin.copy()
    draw_slit(picture, line(30.0), line(30.0), 3.0, DARK, 1.0, (0, 0, 50, 60))
    assert np.array_equal(picture[:, 50:], skin[:, 50:])
    assert not np.array_equal(picture[:, :50], skin[:, :50])
