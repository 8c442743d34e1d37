"""Ears that a mask half misses are the person's; what is half seen elsewhere is not."""

import cv2
import numpy as np
import pytest

from ditto.faces.topology import MILLIMETRES, OVAL
from ditto.packs.mini.background.head_mask import with_ears
from ditto.packs.mini.source.template import default_template

PIXELS = 1.5  # for a millimetre
MIDDLE = np.array([200.0, 200.0])
NOTHING = np.zeros((400, 400), np.float32)


def upright(tilt):
    """(36, 2) the oval of the average face, and its direction down, tilted by so many degrees."""
    turn = np.radians(tilt)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    oval = default_template().shape[list(OVAL), :2] * MILLIMETRES * PIXELS @ matrix.T
    return (oval + MIDDLE).astype(np.float32), matrix[:, 1].astype(np.float32)


def head(oval, doubt, places):
    """A mask of the face, and discs of doubt."""
    mask = np.zeros((400, 400), np.float32)
    cv2.fillConvexPoly(mask, cv2.convexHull(oval.astype(np.int32)), 1.0)
    for place in places:
        cv2.circle(mask, tuple(np.rint(place).astype(int).tolist()), round(8 * PIXELS), doubt, -1)
    return mask


@pytest.mark.parametrize("tilt", [0, 30, -30])
def test_ears_that_are_half_missed_are_whole(tilt):
    oval, down = upright(tilt)
    across = np.array([down[1], -down[0]])
    widest = np.ptp(oval @ across) / 2 + 8 * PIXELS
    ears = [MIDDLE + side * widest * across for side in (-1, 1)]
    mask = head(oval, 0.3, ears)
    found = with_ears(mask, NOTHING, oval, down, PIXELS)
    for ear in ears:
        x, y = np.rint(ear).astype(int)
        assert found[y, x] == 1


def test_what_is_half_seen_above_or_below_a_head_stays_in_doubt():
    oval, down = upright(0)
    places = [MIDDLE + PIXELS * np.array(away) for away in ((0, -120), (0, 120), (115, 0))]
    mask = head(oval, 0.3, places)
    np.testing.assert_array_equal(with_ears(mask, NOTHING, oval, down, PIXELS), mask)


def test_where_nothing_is_seen_beside_a_head_there_is_no_ear():
    oval, down = upright(0)
    mask = head(oval, 0.0, [])
    np.testing.assert_array_equal(with_ears(mask, NOTHING, oval, down, PIXELS), mask)


def test_the_soft_edge_of_a_mask_is_no_ear():
    oval, down = upright(0)
    mask = cv2.GaussianBlur(head(oval, 0.0, []), (0, 0), 2 * PIXELS)
    np.testing.assert_array_equal(with_ears(mask, NOTHING, oval, down, PIXELS), mask)


def test_an_ear_that_is_seen_from_close_is_whole_and_nothing_else_is():
    oval, down = upright(0)
    widest = np.ptp(oval[:, 0]) / 2 + 8 * PIXELS
    ear, lamp = (MIDDLE + np.array(away) for away in ((widest, 0), (0, 120 * PIXELS)))
    mask, close = head(oval, 0.0, []), head(oval, 1.0, [ear, lamp])
    found = with_ears(mask, close, oval, down, PIXELS)
    assert found[tuple(np.rint(ear[::-1]).astype(int))] == 1
    assert found[tuple(np.rint(lamp[::-1]).astype(int))] == 0
