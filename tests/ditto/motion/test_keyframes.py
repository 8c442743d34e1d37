"""Angles at a few moments of a video."""

import numpy as np
import pytest

from ditto.motion.controls import ControlTrack
from ditto.motion.keyframes import HeadTrack, eased


def test_keys_lie_evenly_over_the_video():
    track = HeadTrack({"yaw": (0, 10, -10)}, length=101)
    assert [track(frame)["delta_yaw"] for frame in (0, 50, 100)] == pytest.approx([0, 10, -10])


def test_the_head_rests_at_each_key_and_does_not_jump():
    values = [eased((0, 10, -10), share) for share in np.linspace(0, 1, 201)]
    steps = np.abs(np.diff(values))
    assert steps[0] < 0.02 and steps[99] < 0.02 and steps[-1] < 0.05
    assert steps.max() < 0.4


def test_one_key_holds_throughout_and_angles_without_keys_are_left_alone():
    track = HeadTrack({"roll": (7,), "yaw": ()}, length=10)
    assert track(0) == track(99) == {"delta_roll": 7}


def test_a_users_own_control_counts_over_the_keys():
    track = ControlTrack({3: {"delta_yaw": 1}}, under=[HeadTrack({"yaw": (20,)}, 10)])
    assert [track.at(frame).delta_yaw for frame in (2, 3, 4)] == [20, 1, 20]


def test_the_first_layer_under_the_users_controls_counts_most():
    track = ControlTrack(under=[lambda f: {"delta_yaw": 1}, lambda f: {"delta_yaw": 2, "delta_roll": 3}])
    assert (track.at(0).delta_yaw, track.at(0).delta_roll) == (1, 3)


def test_layers_go_on_where_they_were_after_an_interruption():
    track = ControlTrack(under=[lambda frame: {"delta_yaw": frame}])
    for frame in range(10):
        track.at(frame)
    track.restart()
    assert track.at(0).delta_yaw == 9
    assert track.at(3).delta_yaw == 12


def test_at_another_rate_controls_lie_between_their_frames():
    track = ControlTrack({0: {"delta_yaw": 0}, 1: {"delta_yaw": 10, "delta_roll": 2}, 2: {}}, fps=50)
    given = [track.at(index) for index in range(4)]
    assert [c.delta_yaw for c in given] == [0, 5, 10, 10]
    assert [c.delta_roll for c in given] == [None, None, 2, 2]


def test_at_another_rate_updates_still_count_frames_of_motion():
    track = ControlTrack(fps=50)
    track.update(2, delta_pitch=4)
    assert [track.at(index).delta_pitch for index in range(6)] == [None, None, None, None, 4, 4]
