import numpy as np
import pytest

from ditto.motion.angles import Bins, bins_to_degrees, degrees_to_bins
from ditto.motion.pose import hold_gaze, in_degrees, keypoints, placement, rotation, shift_gaze
from ditto.motion.vector import SourceMotion


def face(pitch=0.0, yaw=0.0, roll=0.0):
    return SourceMotion(
        scale=np.full((1, 1), 2, np.float32),
        pitch=Bins(degrees_to_bins(pitch)[None]),
        yaw=Bins(degrees_to_bins(yaw)[None]),
        roll=Bins(degrees_to_bins(roll)[None]),
        t=np.array([[0.1, 0.2, 9]], np.float32),
        exp=np.zeros((1, 63), np.float32),
        kp=np.arange(63, dtype=np.float32)[None] / 63,
    )


@pytest.mark.parametrize("angle", [-40.0, -1.3, 0.0, 17.25])
def test_bell_shaped_bins_are_read_back_as_their_angle(angle):
    assert bins_to_degrees(degrees_to_bins(angle)[None])[0] == pytest.approx(angle, abs=1e-3)


def test_large_bins_do_not_overflow():
    assert np.isfinite(bins_to_degrees(np.full((1, 66), 1e4, np.float32))).all()


def test_a_face_looking_straight_is_scaled_and_moved_in_the_picture_plane_only():
    parts = face()
    expected = 2 * parts.kp.reshape(1, 21, 3) + np.array([0.1, 0.2, 0], np.float32)
    np.testing.assert_allclose(keypoints(parts), expected, atol=1e-4)


def test_rotations_keep_lengths():
    turn = rotation(np.array([10.0]), np.array([-20.0]), np.array([30.0]))[0]
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-6)


def test_a_quarter_roll_takes_x_to_y():
    right = np.array([1, 0, 0], np.float32)
    turned = right @ rotation(np.zeros(1), np.zeros(1), np.array([90.0]))[0]
    np.testing.assert_allclose(turned, [0, 1, 0], atol=1e-6)


def test_angles_in_degrees_place_the_same_keypoints_as_bins():
    parts = face(5, -12, 3)
    np.testing.assert_array_equal(keypoints(in_degrees(parts)), keypoints(parts))


def test_a_placement_reads_degrees():
    read = placement(face(5, -12, 3))
    assert (read.pitch, read.yaw, read.roll) == pytest.approx((5, -12, 3), abs=1e-3)
    assert read.scale == 2 and read.expression.shape == (21, 3)


def test_eyes_stay_on_the_viewer_when_the_head_turns():
    moved = hold_gaze(in_degrees(face(yaw=10)), placement(face()))
    assert moved.exp[0, 33] > 0 and moved.exp[0, 45] > moved.exp[0, 33]
    assert np.count_nonzero(np.abs(moved.exp) > 1e-6) == 2


def test_shifting_the_gaze_leaves_the_given_expression_alone():
    expression = np.zeros((1, 63), np.float32)
    shift_gaze(expression, 3, 3)
    assert not expression.any()
