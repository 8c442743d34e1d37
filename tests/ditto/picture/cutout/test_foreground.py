"""Colours of a person alone, where their edge is mixed with what is behind."""

import cv2
import numpy as np
import pytest

from ditto.picture.cutout.foreground import carried, estimated

SIDE = 300


def texture(seed, colour):
    """A blotched surface about a colour."""
    noise = np.random.default_rng(seed).normal(0, 1, (SIDE, SIDE, 3)).astype(np.float32)
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 6) * 400 + colour, 0, 255)


@pytest.fixture
def scene():
    """The person, the picture they are in, and how far each pixel is theirs: streaks at a soft edge."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    away = np.hypot(rows - 150, columns - 150) + 8 * np.sin(np.arctan2(rows - 150, columns - 150) * 40)
    alpha = np.clip((110 - away) / 30, 0, 1).astype(np.float32)
    person, wall = texture(1, (90, 60, 50)), texture(2, (180, 190, 170))
    mixed = person * alpha[..., None] + wall * (1 - alpha[..., None])
    return person, np.rint(mixed).astype(np.uint8), alpha


def test_of_a_true_alpha_colours_are_told_nearer_than_by_carrying_them_outwards(scene):
    person, picture, alpha = scene
    edge = (alpha > 0.05) & (alpha < 0.95)
    plain, outwards, told = (
        (np.abs(colours - person) * alpha[..., None])[edge].mean()
        for colours in (picture, carried(picture, alpha), estimated(picture, alpha))
    )
    assert told < 0.75 * outwards < 0.75 * plain


def test_what_is_the_persons_alone_stays_as_it_is(scene):
    _, picture, alpha = scene
    assert (estimated(picture, alpha)[alpha == 1] == picture[alpha == 1]).all()


def test_nothing_of_the_background_is_left_where_nothing_is_the_persons(scene):
    _, picture, alpha = scene
    far = alpha == 0
    assert np.abs(estimated(picture, alpha)[far] - np.array((90.0, 60, 50))).max() < 60
    assert np.abs(picture[far] - np.array((90.0, 60, 50))).mean() > 90


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_picture_that_is_all_person_or_none_has_colours_all_the_same(scene, share):
    _, picture, alpha = scene
    assert estimated(picture, np.full_like(alpha, share)).shape == picture.shape
