import numpy as np
import pytest

from benchmarks.virtual_face import VirtualFace
from ditto.rates import SAMPLE_RATE as RATE
from stream_pipeline.live.hearing import Hearing
from stream_pipeline.live.pace import LADDER
from stream_pipeline.live_face import Degraded, Finished, Interrupted, Position, Started, Starved

OFFICIAL = Hearing(silence=np.zeros(1, np.float32), lookahead=9, unit=10, delay=10)


def voice(seconds, rate=RATE):
    """Never silent, never the same."""
    count = round(seconds * rate)
    return (0.5 + 0.4 * np.sin(np.arange(count) / 7)).astype(np.float32)


def spoken(face):
    """First and last sample that is heard, and what is between."""
    sound = face.sound()
    heard = np.flatnonzero(sound)
    return heard[0], heard[-1], sound[heard[0] : heard[-1] + 1]


def test_frames_come_every_40_ms_without_a_gap_whether_it_speaks_or_not():
    face = VirtualFace()
    face.at(face.now + 0.313, lambda: face.say(voice(2.0)))
    face.run(5)
    assert [frame.index for frame in face.frames] == list(range(len(face.frames)))
    assert np.allclose(np.diff(face.handed), 0.04, atol=1e-6)
    assert all(frame.image is not None for frame in face.frames)
    assert len({(frame.turn, frame.image.max()) for frame in face.frames}) == len(face.frames)


@pytest.mark.parametrize("hearing", [None, OFFICIAL])
@pytest.mark.parametrize("seconds", [0.01, 0.1, 1.0, 3.33])
def test_a_burst_is_heard_whole_and_once(hearing, seconds):
    face = VirtualFace() if hearing is None else VirtualFace(hearing=hearing)
    said = voice(seconds)
    face.say(said)
    face.run(seconds + 2)
    np.testing.assert_array_equal(spoken(face)[2], said)


@pytest.mark.parametrize("rate", [8_000, 24_000, 44_100, 48_000])
def test_sound_is_heard_at_the_rate_it_was_pushed_at(rate):
    face = VirtualFace(rate=rate)
    said = voice(1.5, rate)
    face.say(said)
    face.run(4)
    assert all(len(frame.sound) == rate // 25 for frame in face.frames)
    np.testing.assert_array_equal(spoken(face)[2], said)


def test_the_first_spoken_frame_of_a_burst_waits_for_little_more_than_its_picture():
    face = VirtualFace(seconds_a_picture=0.03)
    face.run(5)  # until it knows how long a picture takes
    delays = []
    for trial in range(40):
        pushed = face.now
        face.say(voice(0.5))
        face.run(1.507 + trial / 1000)
        delays.append(
            next(m for m, event in face.events if isinstance(event, Started) and m >= pushed) - pushed
        )
    assert max(delays) < 0.03 + 0.012 + 2 * 0.04


def test_sound_at_its_own_pace_is_heard_whole():
    face = VirtualFace()
    said, open_voice = voice(3.0), face.push([])
    for at in range(0, len(said), 320):
        face.at(face.now + (at + 320) / RATE, lambda at=at: face.push(said[at : at + 320], open_voice))
    face.run(3.1)
    open_voice.close()
    face.run(2)
    np.testing.assert_array_equal(spoken(face)[2], said)
    assert not face.told(Starved)


def test_utterances_follow_each_other_without_a_gap_and_are_told_of():
    face = VirtualFace()
    first, second = face.say(voice(1.0)), face.say(voice(0.6))
    face.run(4)
    np.testing.assert_array_equal(spoken(face)[2], np.concatenate([voice(1.0), voice(0.6)]))
    assert [event.utterance for event in face.told(Started)] == [first, second]
    assert face.told(Finished) == [Finished(first, 1.0), Finished(second, pytest.approx(0.6))]
    assert face.told(Position) == []
    assert not face.told(Starved)


def test_a_long_utterance_tells_its_position_each_second():
    face = VirtualFace()
    number = face.say(voice(3.5))
    face.run(5)
    assert face.told(Position) == [Position(number, s) for s in (1.0, 2.0, 3.0)]


def test_a_voice_that_stalls_fades_waits_and_goes_on_without_a_sample_lost():
    face = VirtualFace()
    said, open_voice = voice(2.0), face.push([])
    face.push(said[:RATE], open_voice)
    face.run(2.2)
    face.push(said[RATE:], open_voice)
    open_voice.close()
    face.run(3)
    first, last, heard = spoken(face)
    assert last - first + 1 > len(said) + RATE, "there is a second and more of silence in the middle"
    edge = round(0.005 * RATE)
    np.testing.assert_array_equal(heard[: RATE - edge], said[: RATE - edge])
    fading = np.abs(heard[RATE - edge : RATE] / said[RATE - edge : RATE])
    assert (np.diff(fading) < 0).all() and fading[-1] < 0.02
    resumed = heard[-RATE:]
    np.testing.assert_array_equal(resumed[edge:], said[RATE + edge :])
    assert abs(resumed[0]) < 0.02
    assert len(face.told(Starved)) == 1
    assert face.told(Finished) == [Finished(open_voice.number, 2.0)]


def test_sound_that_comes_before_the_rest_runs_out_goes_on_as_if_it_had_been_there():
    face = VirtualFace()
    said, open_voice = voice(2.0), face.push([])
    face.push(said[:RATE], open_voice)
    face.run(0.9)
    face.push(said[RATE:], open_voice)
    open_voice.close()
    face.run(3)
    np.testing.assert_array_equal(spoken(face)[2], said)
    assert not face.told(Starved)


@pytest.mark.parametrize("after", [0.013, 0.02, 0.031, 0.0399, 0.5, 0.777])
def test_after_an_interruption_nothing_of_the_voice_is_heard_later_than_40_ms(after):
    face = VirtualFace()
    face.say(voice(5.0))
    face.run(1.0 + after)
    moment, before = face.now, len(face.frames)
    heard = face.interrupt()
    face.run(1.0)
    assert heard == pytest.approx(1.0 + after, abs=0.2)
    for handed, frame in zip(face.handed[before:], face.frames[before:], strict=True):
        loud = np.flatnonzero(frame.sound)
        assert not len(loud) or handed + (loud[-1] + 1) / RATE <= moment + 0.04 + 1e-6
        assert frame.turn == 1 and frame.utterance is None
    tail = face.frames[before].sound
    assert (np.diff(np.flatnonzero(tail)) == 1).all()
    assert np.count_nonzero(tail) <= 0.02 * RATE


def test_a_picture_of_the_turn_before_is_known_as_such():
    face = VirtualFace(seconds_a_picture=0.03)
    face.say(voice(5.0))
    face.run(3.0)
    _, shown = face.performance.shown
    face.interrupt()
    told = []
    for _ in range(8):
        face.run(0.04)
        told.append(face.performance.shown)
    assert told[0] == (0, shown + 1), "it was ready"
    assert told[-1][0] == 1 and told[-1][1] == len(told) - 1


@pytest.mark.parametrize("after", [0.0, 0.013, 0.031, 0.0399])
@pytest.mark.parametrize("seconds", [0.005, 0.02, 0.03])
def test_the_face_moves_on_through_an_interruption(seconds, after):
    face = VirtualFace(seconds_a_picture=seconds)
    face.say(voice(5.0))
    face.run(3.0 + after)
    face.interrupt()
    face.run(1.0)
    assert all(frame.image is not None for frame in face.frames[-60:])


def test_what_is_pushed_right_after_an_interruption_is_heard_whole():
    face = VirtualFace()
    face.say(voice(5.0))
    face.run(1.0)
    before = len(face.frames)
    face.interrupt()
    number = face.say(-voice(0.8))
    face.run(3.0)
    sound = face.sound(before)
    np.testing.assert_array_equal(sound[np.flatnonzero(sound < 0)], -voice(0.8))
    assert face.told(Finished) == [Finished(number, pytest.approx(0.8))]


def test_all_that_waits_is_told_to_be_interrupted():
    face = VirtualFace()
    numbers = [face.say(voice(2.0)), face.say(voice(1.0))]
    face.run(1.0)
    heard = face.interrupt()
    assert face.told(Interrupted) == [Interrupted(numbers[0], heard), Interrupted(numbers[1], 0.0)]
    face.run(1.0)
    assert face.interrupt() == 0.0 and len(face.told(Interrupted)) == 2


def test_only_frames_that_were_seen_count_as_shown():
    face = VirtualFace()
    face.say(voice(5.0))
    face.run(1.0)
    shown = face.performance.shown
    assert shown == (0, face.frames[-1].index)
    assert max(frame for _, frame in face.painted) > shown[1], "pictures are made ahead"
    face.interrupt()
    assert face.performance.shown == shown


def test_pictures_are_dropped_where_painting_falls_behind_and_sound_is_not():
    face = VirtualFace()
    face.run(2)
    face.cost = 0.07
    said = voice(8.0)
    face.say(said)
    face.run(10)
    np.testing.assert_array_equal(spoken(face)[2], said)
    assert np.allclose(np.diff(face.handed), 0.04, atol=1e-6)
    seen = [frame.image is not None for frame in face.frames[-100:]]
    assert 30 <= sum(seen) <= 60, "every second picture, none held back"
    assert next(event.said for event in face.told(Degraded)) == LADDER[1][1]


@pytest.mark.parametrize("seconds", [0.05, 0.15, 0.25])
def test_work_begins_as_early_as_it_has_to(seconds):
    face = VirtualFace()
    face.run(3)
    face.latency = seconds
    face.run(20)
    before = len(face.frames)
    face.say(voice(2.0))
    face.run(6)
    assert all(frame.image is not None for frame in face.frames[before:])
    assert seconds < face.performance.lead.seconds < seconds + 0.1
    face.latency = 0.0
    face.run(1)
    face.say(voice(4.0))
    face.run(10)
    assert face.performance.lead.seconds < 0.08, "and no earlier"
    assert face.performance.ladder.step == 0


def test_it_steps_up_again_when_painting_has_caught_up():
    face = VirtualFace()
    face.cost = 0.07
    face.run(6)
    assert face.performance.ladder.step >= 1
    face.cost = 0.01
    face.run(60)
    assert face.performance.ladder.step == 0
    assert all(frame.image is not None for frame in face.frames[-50:])


def test_a_picture_that_is_a_little_late_is_shown_a_frame_later():
    face = VirtualFace()
    face.run(5)
    face.cost = 0.055  # once, and nobody could know
    face.run(0.04)
    face.cost = 0.02
    before = len(face.frames)
    face.run(1)
    assert sum(frame.image is None for frame in face.frames[before:]) <= 2


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_picture_that_came_too_late_is_not_shown_after_newer_ones(interrupted):
    face = VirtualFace()
    face.run(5)
    old = np.full((2, 2, 3), 255, np.uint8)
    face.performance.arrived(0, face.frames[-1].index, old, face.now)
    if interrupted:
        face.interrupt()
    else:
        face.run(1)
    face.cost = 0.2
    face.run(2)
    assert any(frame.image is None for frame in face.frames), "painting falls behind"
    assert not any(frame.image is old for frame in face.frames)


def test_time_stands_still_while_the_machine_sleeps():
    face = VirtualFace()
    face.run(2)
    before = len(face.frames)
    face.now += 3600
    face.run(2)
    assert 48 <= len(face.frames) - before <= 52


def test_nobody_looks_and_nothing_is_painted():
    face = VirtualFace()
    face.run(1)
    face.performance.watched = False
    face.run(0.5)
    painted = len(face.painted)
    face.run(60)
    assert len(face.painted) == painted
    assert face.performance.step(face.now).wake is None, "it waits without a look at the clock"


def test_who_comes_back_finds_the_face_where_it_was():
    face = VirtualFace()
    face.run(1)
    face.performance.watched = False
    face.run(60)
    before = len(face.frames)
    face.performance.watched = True
    face.run(1)
    later = face.frames[before:]
    assert 24 <= len(later) <= 26
    assert [frame.index for frame in face.frames] == list(range(len(face.frames)))
    assert sum(frame.image is None for frame in later) <= 5


def test_a_face_that_waits_to_be_seen_begins_then_with_its_first_picture_and_misses_none():
    face = VirtualFace(watched=False, rests=True)
    face.run(5)
    assert face.frames == [] and face.painted
    face.performance.watched = True
    face.run(2)
    assert [frame.index for frame in face.frames] == list(range(len(face.frames)))
    assert len(face.frames) >= 50 and all(frame.image is not None for frame in face.frames)


def test_speech_is_heard_to_its_end_though_nobody_looks():
    face = VirtualFace(watched=False)
    face.run(60)
    number = face.say(voice(3.0))
    face.run(5)
    assert face.told(Finished) == [Finished(number, pytest.approx(3.0))]
