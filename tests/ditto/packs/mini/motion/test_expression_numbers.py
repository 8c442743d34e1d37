import numpy as np
import pytest

from ditto.motion.angles import bins_to_degrees, degrees_to_bins
from ditto.motion.vector import EYE_KEYPOINTS, LIP_KEYPOINTS
from ditto.packs.mini.motion.expression_numbers import EYES, LIPS, Exp


def read_back(degrees):
    return bins_to_degrees(degrees_to_bins(np.asarray(degrees, np.float32)))


def test_angles_survive_their_bins_to_a_twentieth_of_a_degree():
    degrees = np.linspace(-80, 80, 641)
    assert np.abs(read_back(degrees) - degrees).max() < 0.05


@pytest.mark.parametrize(("first", "second"), [(-20.0, 31.0), (0.0, 1.0), (-2.9, 3.1)])
def test_the_average_of_two_angles_bins_is_the_average_angle(first, second):
    bins = (degrees_to_bins(first) + degrees_to_bins(second)) / 2
    assert abs(float(bins_to_degrees(bins[None])[0]) - (first + second) / 2) < 0.05


def test_a_difference_of_bins_added_elsewhere_is_a_difference_of_angles():
    moved = degrees_to_bins(10.0) + degrees_to_bins(7.0) - degrees_to_bins(2.0)
    assert abs(float(bins_to_degrees(moved[None])[0]) - 15.0) < 0.05


def test_every_number_is_either_of_the_lips_or_of_the_eyes():
    assert set(LIPS) | set(EYES) == set(Exp)
    assert not set(LIPS) & set(EYES)


def test_numbers_of_the_lips_lie_on_keypoints_of_the_lips():
    assert {number // 3 for number in LIPS} <= set(LIP_KEYPOINTS)


def test_numbers_of_the_eyes_lie_on_keypoints_of_the_eyes():
    assert {number // 3 for number in EYES} <= set(EYE_KEYPOINTS)


def test_no_two_names_share_a_place():
    assert len(Exp.__members__) == len(set(Exp))
    assert all(0 <= number < 63 for number in Exp)


def test_gaze_lies_where_gaze_compensation_expects_it():
    assert (Exp.GAZE_X_LEFT, Exp.GAZE_Y_LEFT, Exp.GAZE_X_RIGHT, Exp.GAZE_Y_RIGHT) == (33, 34, 45, 46)
