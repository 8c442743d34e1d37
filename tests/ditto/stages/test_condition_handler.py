import numpy as np
import pytest

from cfg.errors import ConfigError
from ditto.motion.emotion import emotion_rows, emotion_weights
from ditto.stages.condition_handler import Condition, ConditionHandler, eyes_of
from ditto.stages.messages import Features

OPEN = np.array([[0.1, 0.1], [0.2, 0.2], [0.3, 0.3]], np.float32)
BALL = np.arange(18, dtype=np.float32).reshape(3, 6)
IDENTITY = np.arange(63, dtype=np.float32)


def handler(emotion=4, **uses):
    return ConditionHandler(IDENTITY, eyes_of(OPEN, BALL), emotion, **uses)


def features(count, width=2):
    return np.ones((count, width), np.float32)


def test_a_row_holds_voice_emotion_eyes_and_identity_in_this_order():
    row = handler().join(features(1), 0)[0]
    assert row.shape == (2 + 8 + 2 + 6 + 63,)
    np.testing.assert_array_equal(row[:2], [1, 1])
    np.testing.assert_array_equal(row[2:10], emotion_weights([4]))
    np.testing.assert_array_equal(row[10:18], np.r_[OPEN[0], BALL[0]])
    np.testing.assert_array_equal(row[18:], IDENTITY)


def test_what_is_not_used_is_left_out():
    bare = handler(use_emo=False, use_sc=False, use_eye_open=False, use_eye_ball=False)
    np.testing.assert_array_equal(bare.join(features(3), 0), features(3))
    assert handler(use_eye_open=False).join(features(1), 0).shape == (1, 2 + 8 + 6 + 63)


def test_the_eyes_of_a_video_go_back_and_forth():
    rows = handler(use_emo=False, use_sc=False, use_eye_ball=False).join(features(7), -1)
    np.testing.assert_allclose(rows[:, 2], [0.1, 0.1, 0.2, 0.3, 0.3, 0.2, 0.1])


def test_the_first_frames_eyes_can_be_kept():
    opened, looking = eyes_of(OPEN, BALL, first_only=True)(2)
    np.testing.assert_array_equal(np.r_[opened, looking], np.r_[OPEN[0], BALL[0]])


@pytest.mark.parametrize("said", [3, "Happy", "happy", np.int64(3), [3], ["Happy"], [[3]], [["happy"]]])
def test_an_emotion_is_a_label_or_a_name(said):
    np.testing.assert_array_equal(emotion_rows(said), emotion_weights([3])[None])


@pytest.mark.parametrize("said", [[3, 6], ["happy", "surprise"], (3, "surprise"), [["happy", 6]]])
def test_a_list_is_a_blend(said):
    rows = emotion_rows(said)
    assert rows.shape == (1, 8)
    assert rows[0, [3, 6]] == pytest.approx([0.5, 0.5], abs=2e-3)


def test_lists_in_a_list_follow_one_another():
    rows = emotion_rows([[4], "Sad", [3, 6]])
    np.testing.assert_array_equal(rows, [emotion_weights(e) for e in ([4], [5], [3, 6])])


@pytest.mark.parametrize("said", [[0, 0, 0, 0.25, 0.75, 0, 0, 0], np.array([0, 0, 0, 0.25, 0.75, 0, 0, 0])])
def test_eight_numbers_are_the_shares_themselves(said):
    np.testing.assert_array_equal(emotion_rows(said), np.asarray(said, np.float32)[None])


def test_an_emotion_over_time_starts_again_at_its_end():
    rows = handler([[0], [1], [2]], use_sc=False, use_eye_open=False, use_eye_ball=False).join(features(4), 1)
    assert rows[:, 2:].argmax(axis=1).tolist() == [1, 2, 0, 1]


@pytest.mark.parametrize("wrong", [8, -1, True, 1.5, [], [[]], [[[1]]], None, np.zeros((2, 7)), [0, 9]])
def test_what_is_no_emotion_is_refused(wrong):
    with pytest.raises(ConfigError):
        emotion_rows(wrong)


def test_a_misspelt_emotion_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match=r"'hapy' is not an emotion; did you mean 'Happy'\?"):
        emotion_rows("hapy")


def test_an_emotion_too_short_for_its_rows_is_refused():
    with pytest.raises(ConfigError, match="2 emotions were given for 3 frames"):
        handler().join(features(3), 0, emotion=[[1], [2]])


def test_the_stage_keeps_turn_and_frame_and_takes_a_new_mood_at_once():
    stage = Condition(handler())
    (first,) = stage.process(Features(2, 7, features(3)))
    assert (first.turn, first.index, len(first.rows)) == (2, 7, 3)
    stage.feel("sad")
    (second,) = stage.process(Features(2, 10, features(1)))
    np.testing.assert_array_equal(second.rows[0, 2:10], emotion_weights([5]))
    assert list(stage.flush()) == []


def test_no_rows_give_no_message():
    assert list(Condition(handler()).process(Features(0, 0, features(0)))) == []


def test_an_emotion_may_be_weaker_and_the_rest_is_neutral():
    (weak,), (happy,), (neutral,) = (emotion_rows(e) for e in ("happy:0.6", "Happy", "Neutral"))
    assert weak == pytest.approx(0.6 * happy + 0.4 * neutral, abs=1e-6)
    assert emotion_rows("happy:1")[0] == pytest.approx(happy)
    assert emotion_rows("happy:0")[0] == pytest.approx(neutral)


def test_strengths_of_several_emotions_add_up_to_one_at_most():
    (both,) = emotion_rows(["happy:0.5", "surprise:0.3"])
    assert (both.argsort()[-3:] == [4, 6, 3]).all()  # neutral 0.2, surprise, happy
    assert both.sum() == pytest.approx(1)
    assert emotion_rows(["happy:1", "sad"])[0] == pytest.approx(emotion_rows([3, 5])[0], abs=1e-3)


@pytest.mark.parametrize("wrong", ["happy:", "happy:x", "happy:-1", "happy:1.5", "happy:nan", "hapy:0.5"])
def test_a_strength_that_is_none_is_refused(wrong):
    with pytest.raises(ConfigError, match=r"strength|did you mean 'Happy'"):
        emotion_rows(wrong)
