"""The skin of a lid, without what it covers."""

import numpy as np
import pytest

from ditto.packs.mini.source.eye_layer import grown_over, unlike_skin, widened


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
        lashes = unlike_skin(patch)
        assert lashes[20:30, 30:110].all()
        assert not lashes[45:].any() and not lashes[:8].any()


def test_glints_and_brims_of_hats_are_told_from_skin_that_has_a_colour():
    patch = np.full((90, 140, 3), (200, 150, 120), np.uint8)
    patch[10:20, 30:110] = 230
    found = unlike_skin(patch)
    assert found[10:20, 30:110].all() and not found[45:].any()
    grey = np.full((90, 140, 3), 150, np.uint8)
    grey[10:20, 30:110] = 230
    assert not unlike_skin(grey).any()
