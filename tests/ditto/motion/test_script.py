import json
from pathlib import Path

import numpy as np
import pytest

from cfg.errors import ConfigError
from cfg.yaml_lines import parse_located
from ditto.motion.controls import ControlTrack
from ditto.motion.gestures import Gesture
from ditto.motion.script import Script, as_frames
from ditto.motion.script_groups import GROUPS, MAX_ENTRIES, compiled

ROOT = Path(__file__).parents[3]


def script(text):
    return Script(*compiled(parse_located(text, "script.yaml")))


def values(text, name, *frames):
    made = script(text)
    return [made.at(frame).get(name) for frame in frames]


def test_controls_by_frame_number_or_time_hold_for_that_frame_alone():
    for text in ("12: {delta_yaw: 5}", '{"12": {"delta_yaw": 5}}', "0.48s: {delta_yaw: 5}"):
        assert values(text, "delta_yaw", 11, 12, 13) == [None, 5, None]
    assert values("frames: {12: {delta_yaw: 5}}", "delta_yaw", 12) == [5]


def test_between_two_single_frames_lies_what_lies_between():
    turning = "frames: {3: {delta_yaw: 4, delta_exp: %s}, 4: {delta_yaw: 8, delta_exp: %s}}"
    made = script(turning % ([0.0] * 63, [1.0] * 63))
    assert made.at(3.5)["delta_yaw"] == 6
    assert np.allclose(made.at(3.25)["delta_exp"], 0.25)
    assert made.at(4.5)["delta_yaw"] == 8


def test_a_list_gives_controls_frame_by_frame():
    assert values("- {}\n- {delta_yaw: 5}", "delta_yaw", 0, 1, 2) == [None, 5, None]


def test_what_always_holds_gives_way_to_a_single_frame():
    assert values("always: {delta_pitch: -2}\nframes: {3: {delta_pitch: 4}}", "delta_pitch", 2, 3) == [-2, 4]


def test_a_curve_passes_its_keys():
    text = "curves:\n  delta_yaw:\n    - {at: 1s, value: 2}\n    - {at: 2s, value: 10, ease: linear}"
    assert values(text, "delta_yaw", 0, 25, 37.5, 50, 99) == [2, 2, 6, 10, 10]
    assert values("curves: {smile: {0: 0, 10: 1}}", "smile", 5) == [0.5]


def test_a_range_sets_in_and_ends_smoothly():
    text = "ranges: [{from: 1s, to: 3s, delta_roll: 8, alpha_scale: 1.2, rise: 0.4s, fall: 0}]"
    assert values(text, "delta_roll", 24, 25, 30, 35, 74, 75) == [None, 0, 4, 8, 8, None]
    assert values(text, "alpha_scale", 30) == [pytest.approx(1.1)]


def test_a_range_of_an_array_is_scaled_as_a_whole():
    moved = values("ranges: [{at: 0, delta_t: [0.01, 0, 0], rise: 10}]", "delta_t", 5, 99)
    np.testing.assert_allclose(moved[0], [[0.005, 0, 0]])
    np.testing.assert_allclose(moved[1], [[0.01, 0, 0]])


def test_a_gesture_is_played_at_its_time_as_long_as_is_said():
    text = "gestures: [{at: 1s, do: nod, strength: 0.5, for: 1.2s, times: 2}]"
    made = Gesture.of("nod", 25.0, strength=0.5, length=15.0, times=2)
    assert script(text).layers == (made,)
    assert values(text, "delta_pitch", 31, 46) == pytest.approx([made.at(31)["delta_pitch"]] * 2)


def test_gestures_and_curves_are_added_up():
    text = "curves: {delta_pitch: {0: 3}}\ngestures: [{at: 0, do: nod}]"
    assert values(text, "delta_pitch", 6) == [pytest.approx(3 + Gesture.of("nod", 0.0).at(6)["delta_pitch"])]


def test_a_gaze_is_held_for_its_time_or_until_the_next():
    text = "gaze: [{at: 1s, look: left}, {at: 2s, yaw: -12, pitch: 4, for: 1s}]"
    made = script(text)
    assert 20 not in made.frames and made.at(20) == {}
    assert made.at(40) == {"gaze_yaw": 15, "gaze_pitch": 0, "gaze_hold": 1}
    turning = made.at(51.5)
    assert -12 < turning["gaze_yaw"] < 15 and turning["gaze_hold"] == 1
    assert made.at(60) == {"gaze_yaw": -12, "gaze_pitch": 4, "gaze_hold": 1}
    assert made.at(75) == {}


def test_blinks_come_when_they_are_listed():
    text = "blinks: [1s, 2s]"
    assert values(text, "blink", 24, 27, 40, 52) == [
        None,
        pytest.approx(1, abs=0.05),
        None,
        pytest.approx(1, abs=0.05),
    ]


def test_fades_reach_the_portrait_and_leave_it_at_any_time():
    text = "fades: [{in: 0s, over: 10}, {out: 100, over: 20, ease: linear, parts: [exp, yaw]}, {in: 200}]"
    made = script(text)
    assert made.fades
    assert [made.at(n).get("fade_alpha", 1.0) for n in (0, 5, 10, 99, 110, 150, 199, 220)] == [
        0,
        0.5,
        1,
        1,
        0.5,
        0,
        0,
        1,
    ]
    assert made.at(110)["fade_out_keys"] == ("exp", "yaw")
    assert "pitch" in made.at(2)["fade_out_keys"]


def test_a_fade_needs_no_other_setting():
    assert ControlTrack(script("fades: [{in: 0}]")).fades
    assert not ControlTrack({0: {"fade_alpha": 0.5}}).fades


def happy(made, frame):
    track = ControlTrack(made)
    calm = np.eye(8, dtype=np.float32)[4]
    return float([track.mood.at(n, calm) for n in range(frame + 1)][-1][3])


def test_an_emotion_is_reached_eased_and_left_again():
    made = script("emotions: [{at: 1s, feel: happy, intensity: 0.5, over: 10, for: 2s}]")
    levels = [happy(made, frame) for frame in (24, 30, 35, 74, 80, 90)]
    assert levels == pytest.approx([0, 0.25, 0.5, 0.5, 0.25, 0], abs=0.01)


def test_emotions_are_blended_by_name_and_share():
    made = script("emotions: [{at: 0, feel: {happy: 0.5, sad: 0.25}, over: 0}]")
    assert made.cues[0].shares == pytest.approx([0, 0, 0, 0.5, 0.25, 0.25, 0, 0], abs=0.003)


def test_a_script_plays_in_a_stream_at_any_frame_rate():
    made = script("curves: {delta_yaw: {0: 0, 10: 10}}\nframes: {4: {delta_roll: 3}}")
    assert ControlTrack(made).at(4).delta_yaw == pytest.approx(3.52)
    fast = ControlTrack(made, fps=50)
    assert fast.at(8).delta_yaw == pytest.approx(3.52)
    assert 3.52 < fast.at(9).delta_yaw < fast.at(10).delta_yaw


def test_a_script_may_be_played_in_a_running_stream():
    track = ControlTrack(overall={"delta_pitch": 1})
    for n in range(50):
        track.at(n)
    track.play(
        script("gestures: [{at: 5, do: nod}]\nemotions: [{at: 0, feel: happy, over: 0}]\nfades: [{out: 100}]")
    )
    assert track.at(50).delta_pitch == 1
    assert track.at(61).delta_pitch == pytest.approx(1 + Gesture.of("nod", 0.0).at(6)["delta_pitch"])
    assert track.fades


def test_a_single_word_said_live_counts_over_the_script():
    track = ControlTrack(script("curves: {delta_yaw: {0: 5}}"))
    track.set(3, delta_yaw=1)
    assert [track.at(n).delta_yaw for n in (2, 3, 4)] == [5, 1, 5]


def test_a_script_comes_from_a_file_a_mapping_or_its_path(tmp_path):
    groups = {"gestures": [{"at": "1s", "do": "nod"}], "blinks": ["2s"]}
    for name, text in (
        ("a.yaml", "gestures: [{at: 1s, do: nod}]\nblinks: [2s]"),
        ("a.json", json.dumps(groups)),
    ):
        (tmp_path / name).write_text(text)
        assert Script.load(tmp_path / name) == Script.of(groups) == as_frames(str(tmp_path / name))
    assert as_frames(groups) == Script.of(groups)
    assert as_frames({3: {"delta_yaw": 1}}) == {3: {"delta_yaw": 1}}


def test_a_large_json_file_of_controls_by_frame_is_still_read(tmp_path):
    given = {str(n): {"delta_exp": [0.001] * 63} for n in range(3000)}
    (tmp_path / "a.json").write_text(json.dumps(given))
    assert (tmp_path / "a.json").stat().st_size > 1_000_000
    assert Script.load(tmp_path / "a.json").at(2999)["delta_exp"].shape == (1, 63)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gestures:\n  - at: 1s\n    do: nodd", "line 3: gestures: 'nodd' is not a gesture; did you mean"),
        ("gestures:\n  - at: 1s\n    do: nod\n    strength: 7", "line 4: gestures: the strength is 7"),
        ("gestures:\n  - {do: nod}", "line 2: gestures: when?"),
        ("gestures:\n  - {at: 1s}", "line 2: gestures: which?"),
        ("gestures:\n  - {at: 2s, to: 1s, do: nod}", "line 2: gestures: it ends before it begins"),
        ("gestures:\n  - {at: 1s, for: 1s, to: 3s, do: nod}", "'for' and 'to' both"),
        ("gestures:\n  - nod", "line 2: gestures: 'nod' stands alone"),
        ("gestures: nod", "line 1: gestures: expected a list"),
        ("gesture:\n  - {at: 1s, do: nod}", "line 1: 'gesture' is no frame number.*did you mean 'gestures'"),
        ("blinks: []\ngaze: []\nfades: []\ngesture: []", "line 4: 'gesture' is not a group.*'gestures'"),
        ("emotions:\n  - {at: 0, feel: hapy}", "line 2: emotions: 'hapy' is not an emotion.*'Happy'"),
        ("emotions:\n  - {at: 0, feel: {happy: 0.8, sad: 0.8}}", "add up to 1.6"),
        ("emotions:\n  - {at: 0, feel: happy, intensity: 2}", "intensity is 2"),
        ("emotions:\n  - {at: 0}", "emotions: which?"),
        ("gaze:\n  - {at: 1.5, yaw: 3}", r"line 2: gaze: 1.5 is not a time: write 1.5s"),
        ("gaze:\n  - {at: 1s, look: lef}", "'lef' is nowhere to look; did you mean 'left'"),
        ("gaze:\n  - {at: 1s, look: [up]}", r"line 2: gaze: '\['up'\]' is nowhere to look"),
        ("gaze:\n  - {at: 1s}", "gaze: where to?"),
        ("gaze:\n  - at: 1s\n    yaw: 1e30", "line 3: gaze: the angle is 1e"),
        ("fades:\n  - {in: 1s, out: 2s}", "write one of 'in' and 'out'"),
        ("fades:\n  - {in: 1s}\n  - {in: 4s}", "line 3: fades: two fades in"),
        ("fades:\n  - {in: 1s, over: 2s}\n  - {out: 2s}", "line 3: fades: it begins before"),
        ("fades:\n  - {in: 1s, parts: [nose]}", "line 2: fades: parts: 'nose' is not a part"),
        ("ranges:\n  - {at: 1s, delta_ywa: 3}", "line 2: ranges: 'delta_ywa' is not a key.*'delta_yaw'"),
        ("ranges:\n  - {at: 1s, ease: sooth, delta_yaw: 3}", "'sooth' is not a way to ease.*'smooth'"),
        ("ranges:\n  - {at: 1s, ease: {a: 1}, delta_yaw: 3}", "line 2: ranges: .* is not a way to ease"),
        ("ranges:\n  - {at: 1s, for: 2s}", "no control is named"),
        ("ranges:\n  - at: 1s\n    delta_yaw: far", "line 3: ranges: delta_yaw is 'far'"),
        ("curves:\n  delta_yow:\n    - {at: 0, value: 1}", "line 2: curves: 'delta_yow'.*'delta_yaw'"),
        ("curves:\n  delta_exp: {0: 1}", "'delta_exp' is not a control with a curve"),
        ("curves:\n  smile: {0: wide}", "line 2: curves: smile.*'wide'"),
        ("curves:\n  smile: {0: 1, 0.0s: 2}", "two keys at frame 0"),
        ("curves:\n  smile: []", "smile has no keys"),
        ("curves:\n  smile:\n    - {at: 1s}", "line 3: curves: smile: a key needs 'value'"),
        ("blinks:\n  - 1s\n  - x", "line 3: blinks: 'x' is not a time"),
        ("always:\n  delta_yaw: 1\n  dleta_yaw: 2", "line 3: always: 'dleta_yaw' is not a control"),
        ("frames:\n  12:\n    delta_yw: 5", "line 3: controls of frame 12: 'delta_yw'.*'delta_yaw'"),
        ("12: 5", "line 1: controls of frame 12"),
        ("soon: {delta_yaw: 1}", "'soon' is no frame number"),
        ("nod", "frame number"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_file_line_and_key(text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        script(text)
    assert str(caught.value).startswith("script.yaml, line ")


def test_many_large_numbers_together_still_play():
    entry = "{at: 0, rise: 0, delta_yaw: 1000000, alpha_exp: 1000000, delta_exp: 1000000}"
    last = ControlTrack(script(f"ranges: [{', '.join([entry] * 500)}]")).at(3)
    assert np.isfinite([last.delta_yaw, last.alpha_exp]).all() and np.isfinite(last.delta_exp).all()
    with pytest.raises(ConfigError, match="line 1: ranges: delta_yaw is beyond"):
        script("ranges: [{at: 0, delta_yaw: 1e308}]")


def test_a_script_has_a_bounded_number_of_entries():
    with pytest.raises(ConfigError, match="are too many"):
        script("blinks: [" + "1s," * (MAX_ENTRIES + 1) + "]")


def test_the_example_can_be_played():
    made = Script.load(ROOT / "examples" / "script.yaml")
    assert made.fades and made.cues and made.last_event == 275
    for frame in range(300):
        ControlTrack(made).at(frame)


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_is_described(group):
    assert f"`{group}`" in (ROOT / "docs" / "scripting.md").read_text()


def test_every_gesture_is_described():
    from ditto.motion.gestures import GESTURES

    told = (ROOT / "docs" / "scripting.md").read_text()
    assert [name for name in GESTURES if f"`{name}`" not in told] == []
