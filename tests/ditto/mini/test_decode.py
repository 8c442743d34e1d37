"""Parts of the painted face: the shadow where lips or lids meet, the skin of a lid, the teeth's colour."""

import numpy as np
import pytest

from ditto.mini.decode import LUMA, colours_of, dark, draw_slit, grown_over, widened
from ditto.mini.template import default_template

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


@pytest.mark.parametrize("size", [60, 400])
def test_skin_grown_over_an_eye_shows_nothing_of_it(size):
    y, x = np.mgrid[:size, : 2 * size]
    eye = np.hypot(x - size, y - size / 2) < size / 5
    patch = np.where(np.repeat(eye[..., None], 3, 2), 250, 140).astype(np.uint8)
    grown = grown_over(patch, widened(eye.astype(np.float32), size * 0.1))
    assert grown.shape == patch.shape
    assert np.abs(grown.astype(int) - 140).max() <= 3


@pytest.mark.parametrize("shape", [(4, 800), (800, 4)])
def test_skin_is_grown_over_an_eye_of_which_the_picture_shows_a_strip(shape):
    gone = np.zeros(shape, np.uint8)
    gone[1:-1, 1:-1] = 1
    grown = grown_over(np.full((*shape, 3), 140, np.uint8), gone)
    assert grown.shape == (*shape, 3)
    assert np.abs(grown.astype(int) - 140).max() <= 3


def test_thick_lashes_are_told_from_the_skin_of_any_tone():
    for tone in (220, 90):
        patch = np.full((90, 140, 3), tone, np.uint8)
        patch[20:30, 30:110] = tone * 0.2
        lashes = dark(patch)
        assert lashes[20:30, 30:110].all()
        assert not lashes[45:].any() and not lashes[:8].any()


@pytest.mark.parametrize("tone", [(225, 190, 170), (120, 80, 60), (60, 40, 32)])
def test_teeth_are_lighter_than_the_skin_but_not_far(tone):
    points = default_template().shape[:, :2] * 120 + 200
    picture = np.full((400, 400, 3), tone, np.uint8)
    teeth, skin = (float(colour @ LUMA) for colour in (colours_of(picture, points)[0], np.array(tone)))
    assert min(1.1 * skin + 5, 220) < teeth < 1.35 * skin + 12
