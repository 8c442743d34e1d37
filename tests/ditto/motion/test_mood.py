import numpy as np
import pytest

from cfg.errors import ConfigError
from cfg.settings import EMOTIONS
from ditto.motion.controls import ControlTrack
from ditto.motion.mood import Cue, Mood
from ditto.stages.condition_handler import ConditionHandler

CALM, HAPPY, SAD = (np.eye(8, dtype=np.float32)[EMOTIONS.index(name)] for name in ("Neutral", "Happy", "Sad"))


def run(mood, frames, usual=CALM):
    return np.array([mood.at(frame, usual) for frame in frames])


def test_without_a_word_the_streams_own_emotion_holds():
    np.testing.assert_array_equal(run(Mood(), range(5), SAD), np.tile(SAD, (5, 1)))


def test_an_emotion_said_live_is_reached_from_the_next_frame_on():
    mood = Mood()
    run(mood, range(10))
    mood.feel(tuple(HAPPY), over=4)
    np.testing.assert_allclose(run(mood, range(10, 16))[:, 3], [0, 0.15625, 0.5, 0.84375, 1, 1])


def test_a_change_of_mind_on_the_way_makes_no_jump():
    mood = Mood()
    mood.feel(tuple(HAPPY), over=10)
    first = run(mood, range(6))
    mood.feel(tuple(SAD), over=10)
    course = np.concatenate([first, run(mood, range(6, 40))])
    assert np.abs(np.diff(course, axis=0)).max() < 0.2
    np.testing.assert_allclose(course[-1], SAD, atol=1e-6)


def test_what_was_felt_outlives_an_interruption():
    mood = Mood()
    mood.feel(tuple(HAPPY), over=4)
    run(mood, range(30))
    np.testing.assert_allclose(run(mood, range(3)), np.tile(HAPPY, (3, 1)))


def test_a_script_begins_anew_with_each_turn():
    mood = Mood([Cue(10, tuple(HAPPY), 0)])
    assert (
        run(mood, range(20))[:, 3].tolist() == run(mood, range(20))[:, 3].tolist() == [0.0] * 10 + [1.0] * 10
    )


def test_what_is_felt_reaches_the_rows_the_motion_is_made_from():
    track = ControlTrack()
    handler = ConditionHandler(
        np.zeros(63, np.float32), lambda n: (np.zeros(2), np.zeros(6)), "sad", mood=track.mood
    )
    before = handler.join(np.zeros((4, 3), np.float32), 0)[:, 3:11]
    track.feel("happy", intensity=0.5, over="0.08s")
    after = handler.join(np.zeros((6, 3), np.float32), 4)[:, 3:11]
    track.feel("default", over=0)
    np.testing.assert_allclose(before[:, 5], 0.9977, atol=1e-3)
    np.testing.assert_allclose(after[-1, [3, 4]], [0.5, 0.5], atol=2e-3)
    np.testing.assert_allclose(handler.join(np.zeros((1, 3), np.float32), 10)[0, 3:11], before[0], atol=1e-6)


@pytest.mark.parametrize("wrong", [{"emotion": "hapy"}, {"emotion": "happy", "intensity": 2}])
def test_a_wrong_emotion_is_refused_where_it_is_said(wrong):
    with pytest.raises(ConfigError):
        ControlTrack().feel(**wrong)
