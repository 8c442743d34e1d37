import numpy as np
import pytest

from ditto.motion.controls import Controls
from ditto.motion.face_movements import express
from ditto.motion.pose import LEFT_GAZE, RIGHT_GAZE
from ditto.packs.mini.motion import face_movements as mini
from ditto.packs.official import expressions as official

REST = np.random.default_rng(0).normal(0, 0.003, (1, 63)).astype(np.float32)
PACKS = pytest.mark.parametrize("rows", [mini.FACE, official.FACE], ids=["mini", "official"])


def moved(rows, face=REST, **controls):
    return express(REST, face, Controls(**controls), rows)


@PACKS
def test_without_a_word_the_expression_is_what_it_was(rows):
    np.testing.assert_array_equal(moved(rows), REST)
    np.testing.assert_array_equal(moved(rows, smile=0, blink=0, brows=0), REST)


@PACKS
@pytest.mark.parametrize("name", ["smile", "brows", "furrow", "wink_left", "wink_right", "blink"])
def test_both_packs_have_numbers_for_every_movement(rows, name):
    assert np.abs(moved(rows, **{name: 1.0}) - REST).max() > 1e-3


@PACKS
def test_movements_add_up(rows):
    together = moved(rows, smile=0.5, brows=1) - REST
    np.testing.assert_allclose(together, moved(rows, smile=0.5) + moved(rows, brows=1) - 2 * REST, atol=1e-7)


@PACKS
def test_lids_are_closed_the_same_however_the_motion_has_them(rows):
    places = np.flatnonzero(rows.lids["blink"])
    anything = REST + np.float32(0.01)
    np.testing.assert_allclose(
        moved(rows, anything, blink=1)[0, places], moved(rows, blink=1)[0, places], atol=1e-7
    )


@PACKS
def test_a_target_of_the_gaze_replaces_the_motions_and_leaves_everything_else(rows):
    gaze = [LEFT_GAZE, RIGHT_GAZE]
    anything = REST + np.float32(0.01)
    right, left = (moved(rows, anything, gaze_yaw=degrees) for degrees in (-10.0, 10.0))
    assert (right[0, gaze] > REST[0, gaze] + 1e-3).all() and (left[0, gaze] < REST[0, gaze] - 1e-3).all()
    others = np.setdiff1d(np.arange(63), [*gaze, LEFT_GAZE + 1, RIGHT_GAZE + 1])
    np.testing.assert_array_equal(left[0, others], anything[0, others])


def test_the_official_winks_are_each_others_mirror_images():
    left, right = (moved(official.FACE, **{name: 1.0}) - REST for name in ("wink_left", "wink_right"))
    left, right = left.reshape(21, 3), right.reshape(21, 3)
    assert not np.array_equal(left, right)
    for one, other in ((11, 15), (13, 16), (3, 7), (17, 17)):
        np.testing.assert_allclose(left[one] * (-1, 1, 1), right[other], atol=0.004)


def test_nothing_handed_in_is_written_to():
    face = REST.copy()
    moved(mini.FACE, face, smile=1, gaze_yaw=9, blink=1)
    np.testing.assert_array_equal(face, REST)
