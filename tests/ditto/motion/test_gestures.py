import pytest

from cfg.errors import ConfigError
from ditto.motion.control_layers import laid, neutral
from ditto.motion.controls import ControlTrack, checked
from ditto.motion.gestures import GESTURES, Gesture, gesture_named


@pytest.mark.parametrize("name", GESTURES)
def test_a_gesture_begins_and_ends_with_nothing(name):
    made = Gesture.of(name, 10.0)
    assert made.at(9.99) == {} and made.at(made.end) == {}
    for frame in (made.start, made.end - 1e-6):
        left = {n: v for n, v in made.at(frame).items() if n not in ("gaze_yaw", "gaze_pitch")}
        assert left == pytest.approx({n: neutral(n) for n in left}, abs=1e-3)


@pytest.mark.parametrize("name", GESTURES)
def test_a_gesture_does_something_in_controls_there_are(name):
    made = Gesture.of(name, 0.0)
    middle = checked(made.at(made.length * 0.45))
    assert any(abs(value - neutral(control)) > 0.02 for control, value in middle.items())


@pytest.mark.parametrize("said", ["wink left", "Wink-Left", " WINK_LEFT "])
def test_a_gesture_may_be_written_as_it_is_spoken(said):
    assert gesture_named(said) == "wink_left"


def test_a_stronger_gesture_goes_farther_and_a_longer_one_takes_longer():
    usual, strong, slow = (Gesture.of("nod", 0.0, **how) for how in ({}, {"strength": 1.5}, {"length": 30.0}))
    assert strong.at(6)["delta_pitch"] == pytest.approx(1.5 * usual.at(6)["delta_pitch"])
    assert slow.at(12)["delta_pitch"] == pytest.approx(usual.at(6)["delta_pitch"])


def test_what_is_held_sets_in_as_quickly_in_a_longer_gesture():
    usual, slow = Gesture.of("smile", 0.0), Gesture.of("smile", 0.0, length=200.0)
    assert slow.at(10)["smile"] == usual.at(10)["smile"] == pytest.approx(0.8)
    assert slow.at(150)["smile"] == pytest.approx(0.8)


def test_a_gesture_made_twice_is_the_same_twice():
    made = Gesture.of("nod", 0.0, times=2)
    assert made.end == 30
    assert made.at(4) == pytest.approx(made.at(19))


@pytest.mark.parametrize(
    ("how", "message"),
    [({"strength": 0}, "strength"), ({"strength": 3}, "strength"), ({"times": 0}, "times"),
     ({"times": 1.5}, "times"), ({"length": 1.0}, "would last"), ({"length": 1e6}, "would last")],
)  # fmt: skip
def test_bounds_of_a_gesture_are_told(how, message):
    with pytest.raises(ConfigError, match=message):
        Gesture.of("nod", 0.0, **how)


def test_layers_add_offsets_multiply_factors_and_take_the_stronger_share():
    under = {"delta_yaw": 2.0, "alpha_scale": 1.1, "blink": 0.3, "fade_alpha": 0.5, "smile": 0.2}
    over = {"delta_yaw": -5.0, "alpha_scale": 1.2, "blink": 0.1, "fade_alpha": 0.8, "brows": 1.0}
    assert laid(under, over) == pytest.approx(
        {"delta_yaw": -3, "alpha_scale": 1.32, "blink": 0.3, "fade_alpha": 0.5, "smile": 0.2, "brows": 1}
    )


def test_a_later_gaze_takes_over_for_its_share():
    first = {"gaze_yaw": 10.0, "gaze_hold": 1.0}
    assert laid(first, {"gaze_yaw": -10.0, "gaze_hold": 0.25})["gaze_yaw"] == pytest.approx(5)
    assert laid(first, {"gaze_yaw": -10.0, "gaze_hold": 0.25})["gaze_hold"] == 1
    assert laid({}, {"gaze_pitch": 4.0, "gaze_hold": 0.5}) == {
        "gaze_yaw": 0,
        "gaze_pitch": 4,
        "gaze_hold": 0.5,
    }


def pitches(track, frames):
    return [track.at(n).delta_pitch or 0.0 for n in frames]


def test_a_gesture_played_live_begins_with_the_next_frame_over_what_holds():
    track = ControlTrack(overall={"delta_pitch": 1})
    pitches(track, range(5))
    track.gesture("nod")
    expected = [1 + Gesture.of("nod", 0.0).at(n).get("delta_pitch", 0.0) for n in range(20)]
    assert pitches(track, range(5, 25)) == pytest.approx(expected)


def test_a_gesture_may_be_played_later_longer_and_stronger():
    track = ControlTrack()
    track.gesture("nod", at=100, duration="1.2s", strength=0.5)
    assert pitches(track, (99, 112)) == pytest.approx([0, 0.5 * Gesture.of("nod", 0.0).at(6)["delta_pitch"]])


def test_two_gestures_at_once_are_both_seen():
    track = ControlTrack()
    track.gesture("nod")
    track.gesture("smile", strength=0.5)
    together = [track.at(n) for n in range(12)][6]
    assert together.delta_pitch > 3 and together.smile > 0.1


def test_a_gesture_under_way_is_not_broken_off_by_an_interruption():
    track = ControlTrack()
    track.gesture("nod")
    before = pitches(track, range(4))
    track.restart()
    expected = [Gesture.of("nod", 0.0).at(n)["delta_pitch"] for n in range(8)]
    assert before + pitches(track, range(4)) == pytest.approx(expected)


def test_at_another_frame_rate_a_gesture_lasts_as_long():
    track = ControlTrack(fps=50)
    track.gesture("nod", at=0)
    assert track.at(12).delta_pitch == pytest.approx(Gesture.of("nod", 0.0).at(6)["delta_pitch"])
    assert track.at(13).delta_pitch == pytest.approx(Gesture.of("nod", 0.0).at(6.5)["delta_pitch"])
    assert track.at(30).delta_pitch is None


def test_a_misspelt_gesture_is_refused_where_it_is_asked_for():
    with pytest.raises(ConfigError, match="'nodd' is not a gesture; did you mean 'nod'"):
        ControlTrack().gesture("nodd")
