"""A pattern continued where it is hidden."""

import numpy as np

from ditto.picture.cutout.inpainting import fill
from ditto.picture.cutout.texture_fill import pieced

SIDE = 120


def hole():
    hidden = np.zeros((SIDE, SIDE), np.uint8)
    hidden[40:80, 40:80] = 1
    return hidden


def continued(picture):
    hidden = hole()
    seen = np.where(hidden[..., None] > 0, 0, picture).astype(np.uint8)
    smooth = np.rint(fill(seen, hidden)).astype(np.uint8)
    return pieced(seen, smooth, hidden, hidden, 40.0), smooth


def test_a_line_goes_on_across_what_is_hidden():
    picture = np.full((SIDE, SIDE, 3), 60, np.uint8)
    picture[:, 56:64] = 220
    found, smooth = continued(picture)
    inside = hole() > 0
    off = np.abs(found.astype(int) - picture)[inside].mean()
    assert off < np.abs(smooth.astype(int) - picture)[inside].mean() / 3


def test_every_colour_comes_from_the_picture():
    picture = np.random.default_rng(2).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
    found, _ = continued(picture)
    seen = {tuple(colour) for colour in picture[hole() == 0]}
    assert all(tuple(colour) in seen for colour in found[hole() > 0])


def test_what_is_seen_is_not_touched():
    picture = np.random.default_rng(3).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
    found, _ = continued(picture)
    assert (found[hole() == 0] == picture[hole() == 0]).all()


def test_the_same_picture_is_continued_in_the_same_way():
    picture = np.random.default_rng(4).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
    assert (continued(picture)[0] == continued(picture)[0]).all()


def test_where_nothing_is_seen_nothing_is_made_up():
    all_hidden = np.ones((SIDE, SIDE), np.uint8)
    picture = np.full((SIDE, SIDE, 3), 7, np.uint8)
    assert (pieced(picture, picture, all_hidden, all_hidden, 40.0) == 7).all()
