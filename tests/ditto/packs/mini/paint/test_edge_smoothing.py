"""Stairs and streaks of a turned head smoothed; nothing else, and never mouth and eyes."""

from types import SimpleNamespace

import numpy as np
import pytest

from ditto.packs.mini.paint.edge_smoothing import soften
from ditto.packs.mini.paint.shift_map import ShiftMap

BOX = (20, 10, 220, 190)  # left, top, right, bottom of what can move


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (200, 240, 3)).astype(np.uint8)


def moved(across, step, lips=(500.0, 500.0)):
    """A head whose map shifts each column of the grid by `across` pixels."""
    rows = -(-(BOX[3] - BOX[1]) // step) + 2
    shift = np.tile(np.asarray(across, np.float32), (rows, 1))
    placed = np.tile(np.array(lips, np.float32), (478, 1))
    where = ShiftMap(shift, np.zeros_like(shift), step)
    return SimpleNamespace(wide_box=BOX, millimetre=4.0), placed, where


def columns(step):
    return np.arange(-(-(BOX[2] - BOX[0]) // step) + 2)


def torn(step):
    """A map that jumps by 30 pixels at x = 120 of the picture."""
    return np.where(columns(step) * step < 100, 0.0, 30.0)


@pytest.mark.parametrize("step", [1, 2, 3, 7])
def test_only_the_pixels_at_a_tear_are_smoothed(noise, step):
    picture = noise.copy()
    soften(picture, *moved(torn(step), step))
    changed = np.flatnonzero((picture != noise).any((0, 2)))
    assert len(changed)
    assert changed.min() >= 120 - 3 * step and changed.max() <= 120 + 2 * step
    near = slice(changed.min(), changed.max() + 1)
    inner = slice(BOX[1] + 3 * step, BOX[3] - 3 * step)
    assert picture[inner, near].std() < 0.5 * noise[inner, near].std()
    assert np.array_equal(picture[: BOX[1]], noise[: BOX[1]])
    assert np.array_equal(picture[BOX[3] :], noise[BOX[3] :])


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_box_that_goes_beyond_the_picture_is_smoothed_within_it(noise, monkeypatch, step):
    monkeypatch.setattr(f"{__name__}.BOX", (-31, -25, 260, 223))
    picture = noise.copy()
    soften(picture, *moved(torn(step), step))
    changed = (picture != noise).any(2)
    across = np.flatnonzero(changed.any(0))
    assert across.min() >= 69 - 3 * step and across.max() <= 69 + 2 * step
    assert changed[:, across].any(1).all()


def test_what_is_drawn_out_far_is_smoothed_and_what_is_drawn_out_a_little_is_not(noise):
    for stretch, smoothed in ((-0.9, True), (-0.4, False), (0.9, False)):
        picture = noise.copy()
        soften(picture, *moved(columns(1) * stretch, 1))
        assert (picture[50:150, 50:190].std() < 0.5 * noise.std()) == smoothed
        assert smoothed or np.array_equal(picture, noise)


def test_lips_and_eyes_stay_sharp(noise):
    picture = noise.copy()
    soften(picture, *moved(torn(2), 2, lips=(120.0, 100.0)))
    assert np.array_equal(picture[99:102], noise[99:102])
    assert not np.array_equal(picture[120:140], noise[120:140])
