import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from cfg.errors import ConfigError
from cfg.settings import StitchSettings
from ditto.motion.angles import Bins, degrees_to_bins
from ditto.motion.controls import ControlTrack
from ditto.motion.vector import SourceMotion, named_arrays, to_vector
from ditto.packs.mini.motion.expression_numbers import Exp
from ditto.reference.conventions import OURS, REFERENCE
from ditto.source.avatar import SourceFrame
from ditto.stages.messages import Motion
from ditto.stages.stitch import Stitch

CANONICAL = np.random.default_rng(0).normal(0, 0.2, (1, 63)).astype(np.float32)
LIP, EYE, CHEEK = 14 * 3 + 1, 13 * 3 + 1, 0  # one expression number each


def parts(pitch=0.0, yaw=0.0, roll=0.0, scale=1.0, **expression):
    exp = np.zeros((1, 63), np.float32)
    for name, value in expression.items():
        exp[0, {"lip": LIP, "eye": EYE, "cheek": CHEEK}[name]] = value
    return SourceMotion(
        scale=np.full((1, 1), scale, np.float32),
        pitch=Bins(degrees_to_bins(pitch)[None]),
        yaw=Bins(degrees_to_bins(yaw)[None]),
        roll=Bins(degrees_to_bins(roll)[None]),
        t=np.zeros((1, 3), np.float32),
        exp=exp,
        kp=CANONICAL,
    )


def motion(index, turn=0, **given):
    return Motion(turn, index, to_vector(parts(**given)))


def source(*frames, is_image=True):
    shown = [
        SourceFrame(
            index=n,
            image=np.zeros((2, 2, 3), np.uint8),
            motion=frame,
            eye_open=np.zeros(2, np.float32),
            eye_ball=np.zeros(6, np.float32),
            to_frame=np.eye(3, dtype=np.float32),
            appearance=None,
            landmarks=np.zeros((0, 2), np.float32),
        )
        for n, frame in enumerate(frames or [parts()])
    ]
    return SimpleNamespace(is_image=is_image, frame=lambda index: shown[index % len(shown)])


def drive(stage, motions):
    return [pose for item in motions for pose in stage.process(item)] + list(stage.flush())


def with_neutral(stream, **neutral):
    """The same source, its lips driven from elsewhere than where each frame has them."""
    rest = parts(**neutral).exp
    frame = stream.frame
    return SimpleNamespace(
        is_image=stream.is_image, frame=lambda index: dataclasses.replace(frame(index), neutral=rest)
    )


def test_a_videos_own_speech_is_replaced_and_the_rest_of_its_face_kept():
    talking = source(parts(lip=0.1, cheek=0.2), parts(lip=0.9, cheek=0.3), is_image=False)
    stage = Stitch(with_neutral(talking, lip=0.05), None)
    poses = drive(stage, [motion(0), motion(1, lip=0.4, cheek=0.7)])
    lips = [float(pose.drive.expression.reshape(63)[LIP]) for pose in poses]
    cheeks = [float(pose.drive.expression.reshape(63)[CHEEK]) for pose in poses]
    assert lips == pytest.approx([0.05, 0.45])
    assert cheeks == pytest.approx([0.2, 0.3])


def test_a_frame_without_a_face_is_not_driven():
    film = source(parts(lip=0.1), is_image=False)
    frame = film.frame
    film.frame = lambda index: dataclasses.replace(frame(index), seen=index != 1)
    poses = drive(Stitch(film, None), [motion(0), motion(1, lip=0.4), motion(2, lip=0.4)])
    lips = [float(pose.drive.expression.reshape(63)[LIP]) for pose in poses]
    assert lips == pytest.approx([0.1, 0.1, 0.5])


def test_a_frame_may_say_how_much_of_it_is_painted():
    poses = drive(Stitch(source(), None, controls={1: {"blend_alpha": 0.25}}), [motion(0), motion(1)])
    assert [pose.blend for pose in poses] == [None, 0.25]
    with pytest.raises(ConfigError, match="from 0 to 1"):
        Stitch(source(), None, controls={1: {"blend_alpha": 1.25}})


def still_then(**given):
    """A first frame at rest, the anchor, and one that moves."""
    return [motion(0), motion(1, **given)]


def moved(settings=None, controls=None, rest=None, *, mixing=OURS.mixing, character_scale=None, **given):
    """How the second frame is driven."""
    stage = Stitch(
        source(rest or parts()), None, settings, controls, mixing=mixing, character_scale=character_scale
    )
    return drive(stage, still_then(**given))[1].drive


def test_motion_that_does_not_change_leaves_the_portrait_where_it_is():
    stage = Stitch(source(parts(pitch=4, yaw=-3)), None)
    for pose in drive(stage, [motion(i, pitch=9, lip=0.01) for i in range(3)]):
        np.testing.assert_array_equal(pose.driven, pose.at_rest)
        assert pose.drive.pitch == pose.rest.pitch


def test_motion_counts_from_its_first_frame():
    assert moved(rest=parts(yaw=5), yaw=7).yaw == pytest.approx(12, abs=1e-2)


def test_a_given_anchor_counts_instead_of_the_first_frame():
    stage = Stitch(source(), None, d0=motion(0, yaw=-4).vector)
    assert drive(stage, [motion(0, yaw=6)])[0].drive.yaw == pytest.approx(10, abs=1e-2)


def test_absolute_motion_is_taken_as_it_is():
    drawn = moved(StitchSettings(relative=False), rest=parts(yaw=5), yaw=7)
    assert drawn.yaw == pytest.approx(7, abs=1e-2)


def test_a_factor_scales_the_movement_in_degrees():
    settings = StitchSettings(use_keys={"yaw": 0.5}, relative=False)
    assert moved(settings, rest=parts(yaw=4), yaw=10).yaw == pytest.approx(7, abs=1e-2)


def test_parts_that_are_not_driven_stay_the_portraits():
    drawn = moved(StitchSettings(use_keys=["exp"]), yaw=10, lip=0.01)
    assert drawn.yaw == pytest.approx(0, abs=1e-3)
    assert drawn.expression.ravel()[LIP] == pytest.approx(0.01)


def test_lips_and_eyes_are_driven_and_the_rest_of_the_face_is_the_portraits():
    face = moved(lip=0.01, eye=0.02, cheek=0.03).expression.ravel()
    assert face[[LIP, EYE, CHEEK]] == pytest.approx([0.01, 0.02, 0])


def test_a_video_keeps_its_own_eyes_and_head():
    stage = Stitch(source(is_image=False), None)
    drawn = drive(stage, still_then(yaw=10, eye=0.02, lip=0.01))[1].drive
    assert drawn.yaw == pytest.approx(0, abs=1e-3)
    assert drawn.expression.ravel()[[EYE, LIP]] == pytest.approx([0, 0.01])


def test_a_given_blink_plays_over_the_portraits_eyes():
    blink = np.zeros((3, 63), np.float32)
    blink[1, EYE], blink[1, LIP] = 0.01, 0.5
    stage = Stitch(source(), None, StitchSettings(eye_open=blink, blink_interval=2))
    faces = [p.drive.expression.ravel() for p in drive(stage, [motion(i, eye=0.1 * i) for i in range(6)])]
    assert [face[EYE] for face in faces] == pytest.approx([0, 0, 0, 0.01, 0, 0])
    assert all(face[LIP] == 0 for face in faces)


def test_offsets_and_factors_act_in_degrees():
    assert moved(controls={1: {"delta_yaw": 3}}, yaw=7).yaw == pytest.approx(10, abs=1e-2)
    assert moved(controls={1: {"alpha_yaw": 0.5}}, yaw=8).yaw == pytest.approx(4, abs=1e-2)
    both = {1: {"delta_yaw": 2, "alpha_yaw": 0.5}}
    assert moved(controls=both, yaw=8).yaw == pytest.approx(5, abs=1e-2)


def test_the_reference_scales_logits():
    drawn = moved(None, {1: {"alpha_yaw": 0.5}}, yaw=8, mixing=REFERENCE.mixing)
    assert drawn.yaw == pytest.approx(8, abs=0.1)


def test_the_expression_can_be_made_stronger():
    face = moved(controls={1: {"alpha_exp": 2}}, rest=parts(lip=0.01), lip=0.004).expression.ravel()
    assert face[LIP] == pytest.approx(0.018)


def test_offsets_for_the_eyes_leave_the_lips_alone():
    face = moved(controls={1: {"delta_eye": 0.01}}).expression.ravel()
    assert face[[EYE, LIP, CHEEK]] == pytest.approx([0.01, 0, 0])


def test_the_head_can_be_moved_and_resized():
    drawn = moved(controls={1: {"delta_t": [0.1, 0, 0], "alpha_scale": 1.5}})
    assert (drawn.translation[0], drawn.scale) == pytest.approx((0.1, 1.5))


def test_silence_closes_the_mouth_but_lets_the_eyes_move():
    silent = {1: {"vad_alpha": 0}}
    face = moved(controls=silent, lip=0.01, eye=0.02).expression.ravel()
    assert face[[LIP, EYE]] == pytest.approx([0, 0.02])
    frozen = moved(None, silent, lip=0.01, eye=0.02, mixing=REFERENCE.mixing).expression.ravel()
    assert frozen[[LIP, EYE]] == pytest.approx([0, 0])


def test_a_fade_to_the_portrait_mixes_degrees_even_where_an_offset_was_added():
    settings = StitchSettings(fade_type="s", fade_keys=["yaw", "exp"])
    half = {1: {"fade_alpha": 0.5, "delta_yaw": 2}}
    drawn = moved(settings, half, rest=parts(yaw=4), yaw=10, lip=0.01)
    assert drawn.yaw == pytest.approx(10, abs=1e-2)
    assert drawn.expression.ravel()[LIP] == pytest.approx(0.005)


def test_a_fade_to_the_first_frame_ends_there():
    settings = StitchSettings(fade_type="d0", fade_keys=None)
    controls = {0: {"delta_yaw": 6}, 1: {"fade_alpha": 0}}
    assert moved(settings, controls, yaw=10).yaw == pytest.approx(6, abs=1e-2)


def test_a_frame_may_name_no_part_to_fade():
    settings = StitchSettings(fade_type="s", fade_keys=["yaw"])
    still = moved(settings, {1: {"fade_alpha": 0, "fade_out_keys": []}}, yaw=10)
    assert still.yaw == pytest.approx(10, abs=1e-2)


def test_the_gaze_of_a_driven_video_is_held_against_the_frame_that_is_shown():
    turning = source(parts(), parts(yaw=20), is_image=False)
    held = drive(Stitch(turning, None, StitchSettings(drive_eye=True)), still_then())[1].drive
    assert held.expression.ravel()[Exp.GAZE_X_LEFT] == pytest.approx(0, abs=1e-6)
    theirs = Stitch(turning, None, StitchSettings(drive_eye=True), mixing=REFERENCE.mixing)
    drifting = drive(theirs, still_then())[1].drive
    assert drifting.expression.ravel()[Exp.GAZE_X_LEFT] > 0.003


def test_a_larger_characters_motion_is_scaled_to_the_portrait():
    drawn = moved(character_scale=2.0, yaw=5, lip=0.01)
    assert drawn.yaw == pytest.approx(10, abs=1e-2)
    assert drawn.expression.ravel()[LIP] == pytest.approx(0.02)


def test_the_stitching_network_has_the_last_word_unless_switched_off():
    def lifted(at_rest, driven):
        return driven + 1

    for wanted in (True, False):
        stage = Stitch(source(), lifted, StitchSettings(stitching=wanted))
        pose = drive(stage, [motion(0)])[0]
        np.testing.assert_allclose(pose.driven, pose.at_rest + wanted)


def test_controls_change_while_the_stream_runs():
    track = ControlTrack()
    stage = Stitch(source(), None, controls=track)
    drive(stage, [motion(0)])
    track.update(1, delta_yaw=5)
    assert drive(stage, [motion(1)])[0].drive.yaw == pytest.approx(5, abs=1e-2)


def test_the_head_does_not_jump_when_an_interruption_begins_a_new_turn():
    stage = Stitch(source(), None, controls={0: {"delta_roll": 9}})
    before = drive(stage, still_then(yaw=6))[1].drive
    stage.interrupt(1)
    after = drive(stage, [motion(0, turn=1, yaw=6)])[0]
    assert after.turn == 1 and after.drive.yaw == before.yaw
    assert after.drive.roll == pytest.approx(0, abs=1e-3)


def test_nothing_handed_in_is_changed():
    rest, item = parts(yaw=3, lip=0.01), motion(1, yaw=5, lip=0.02, eye=0.01)
    kept = {name: values.copy() for name, values in named_arrays(rest).items()}
    vector = item.vector.copy()
    controls = {1: {"delta_exp": np.full(63, 0.1, np.float32), "vad_alpha": 0.5, "fade_alpha": 0.5}}
    for way in (OURS, REFERENCE):
        settings = StitchSettings(fade_type="s", relative=False, use_keys={"exp": 2.0})
        drive(Stitch(source(rest), None, settings, controls, mixing=way.mixing), [motion(0), item])
    np.testing.assert_array_equal(item.vector, vector)
    for name, values in named_arrays(rest).items():
        np.testing.assert_array_equal(values, kept[name])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"fade_type": "x"}, "fade_type is 'x'"),
        ({"use_keys": ["yow"]}, "did you mean 'yaw'"),
        ({"use_keys": {"yaw": "much"}}, "use_keys: yaw"),
        ({"fade_keys": ["ex"]}, "did you mean 'exp'"),
        ({"eye_open": np.zeros(63)}, "must be \\(n, 63\\)"),
        ({"blink_interval": ()}, "blink_interval"),
        ({"blink_interval": -2}, "blink_interval"),
        ({"overall": {"delta_yawn": 1}}, "did you mean 'delta_yaw'"),
    ],
)
def test_a_wrong_setting_is_named(wrong, message):
    with pytest.raises(ConfigError, match=message):
        Stitch(source(), None, StitchSettings(**wrong))
