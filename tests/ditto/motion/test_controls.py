import threading
from pathlib import Path

import numpy as np
import pytest

from cfg.errors import ConfigError
from ditto.motion.controls import (
    NAMES,
    Controls,
    ControlTrack,
    checked,
    checked_frames,
    fade_curve,
    with_fades,
)


def test_a_misspelt_control_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match=r"'delta_ptch' is not a control; did you mean 'delta_pitch'\?"):
        ControlTrack({3: {"delta_ptch": 2}})


def test_a_misspelt_part_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match=r"'picth' is not a part of the motion; did you mean 'pitch'\?"):
        checked({"fade_out_keys": ["picth"]})


@pytest.mark.parametrize("value", ["five", None, float("nan"), [1, 2]])
def test_a_number_has_to_be_one_finite_number(value):
    with pytest.raises(ConfigError, match="delta_yaw"):
        checked({"delta_yaw": value})


@pytest.mark.parametrize(("name", "value"), [("alpha_exp", -1e30), ("delta_yaw", 1e308), ("delta_exp", 1e7)])
def test_a_number_that_no_picture_could_follow_is_refused(name, value):
    with pytest.raises(ConfigError, match=f"controls: {name} is beyond 1e\\+06"):
        checked({name: value})


def test_an_expression_has_63_numbers_in_any_shape():
    assert checked({"delta_exp": np.zeros((21, 3))})["delta_exp"].shape == (1, 63)
    with pytest.raises(ConfigError, match="63 finite numbers"):
        checked({"delta_exp": [1, 2, 3]})


def test_an_error_names_the_frame():
    with pytest.raises(ConfigError, match="controls of frame 12: delta_yaw"):
        checked_frames({"12": {"delta_yaw": "left"}})


def test_a_frame_number_has_to_be_a_number():
    with pytest.raises(ConfigError, match="'soon' is not one"):
        checked_frames({"soon": {}})


@pytest.mark.parametrize(
    "frames",
    [
        {1: {"delta_yaw": 5}},
        {"1": {"delta_yaw": 5}},
        [{}, {"delta_yaw": 5}],
        lambda i: {"delta_yaw": 5} if i == 1 else None,
        lambda i: Controls(delta_yaw=5 if i == 1 else None),
    ],
)
def test_controls_come_by_number_by_text_in_a_list_or_from_a_function(frames):
    track = ControlTrack(frames)
    assert [track.at(i).delta_yaw for i in (0, 1, 2, 10_000)] == [None, 5, None, None]


def test_the_nearer_word_counts():
    track = ControlTrack({2: {"delta_yaw": 3}}, overall={"delta_yaw": 1, "delta_roll": 9})
    track.update(1, delta_yaw=2)
    assert [track.at(i).delta_yaw for i in range(4)] == [1, 2, 3, 2]
    assert track.at(4).delta_roll == 9


def test_a_standing_control_holds_until_ended():
    track = ControlTrack(overall={"delta_yaw": 1})
    track.update(2, delta_yaw=8)
    track.update(4, delta_yaw=None)
    assert [track.at(i).delta_yaw for i in range(6)] == [1, 1, 8, 8, 1, 1]


def test_a_live_control_is_checked_where_it_is_given():
    with pytest.raises(ConfigError, match="did you mean"):
        ControlTrack().update(0, delta_ywa=1)
    with pytest.raises(ConfigError, match="did you mean"):
        ControlTrack().update(0, delta_ywa=None)


def test_a_new_turn_keeps_standing_controls_and_drops_those_of_single_frames():
    track = ControlTrack({1: {"delta_pitch": 4}})
    track.update(50, delta_yaw=8)
    track.restart()
    assert track.at(0).delta_yaw == 8
    assert track.at(1).delta_pitch is None


def test_changes_from_another_thread_lose_nothing():
    track = ControlTrack()
    writer = threading.Thread(target=lambda: [track.set(i, delta_yaw=i) for i in range(2000)])
    writer.start()
    for i in range(2000):
        track.at(i)
    writer.join(timeout=30)
    assert [track.at(i).delta_yaw for i in (0, 1999)] == [0, 1999]


def test_fades_rise_from_nothing_and_end_in_nothing():
    assert fade_curve(10, 2, 2) == {0: 0.0, 1: 0.5, 7: 1.0, 8: 0.5, 9: 0.0}


def test_a_clip_shorter_than_its_fades_stays_within_its_frames():
    curve = fade_curve(3, 4, 4)
    assert curve == {0: 0.0, 1: 0.25, 2: 0.0}


def test_fading_keeps_the_other_controls_and_leaves_the_given_ones_alone():
    given = {0: {"delta_yaw": 1.0}}
    assert with_fades(given, fade_curve(10, 1, 0))[0] == {"delta_yaw": 1.0, "fade_alpha": 0.0}
    assert given == {0: {"delta_yaw": 1.0}}


def test_fading_a_track_keeps_what_it_was_set_up_with():
    track = ControlTrack({0: {"delta_yaw": 1}})
    track.fade(10, 2, 2)
    assert (track.at(0).delta_yaw, track.at(0).fade_alpha, track.at(9).fade_alpha) == (1, 0, 0)


@pytest.mark.parametrize("name", NAMES)
def test_every_control_is_documented(name):
    manual = Path(__file__).parents[3] / "docs" / "controls.md"
    assert f"| `{name}`" in manual.read_text() or f", `{name}`" in manual.read_text()
