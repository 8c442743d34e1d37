"""Measures of the live gate, on visits that are made up: what is known of them is found."""

import numpy as np
import pytest

from benchmarks.live_check import measures
from benchmarks.live_check.judgements import Judgement, least, most
from benchmarks.live_check.recording import PICTURE_TICKS, WRAP, Pictures, Said, Sounds
from benchmarks.live_check.voice import loudness, syllables

BEGAN = 1.7e12


def pictures(grey, at=None, ticks=None, presented=None):
    """Even ones, 40 ms apart, unless something else is said."""
    count = len(grey)
    at = BEGAN + 40.0 * np.arange(count) if at is None else at
    ticks = PICTURE_TICKS * np.arange(count) if ticks is None else ticks
    presented = np.arange(count) if presented is None else presented
    return Pictures.of(np.stack([at, ticks, presented], axis=1), np.asarray(grey, np.uint8))


def shades(count):
    """Pictures that all differ."""
    return np.stack([np.full((4, 4), 10 * (place % 20), np.uint8) for place in range(count)])


def sounds(level, begin=BEGAN):
    level = np.asarray(level, float)
    return Sounds(begin + 10.0 * np.arange(len(level)), level)


@pytest.fixture(scope="module")
def voice():
    rng = np.random.default_rng(0)
    loud = np.repeat(rng.uniform(0, 0.2, 200), 400).astype(np.float32)
    return syllables(loud * rng.standard_normal(len(loud)).astype(np.float32), 8)


def test_even_pictures_are_neither_late_nor_repeated():
    even = pictures(shades(100))
    assert measures.rate(even) == pytest.approx(25)
    assert measures.late_share(even) == 0
    assert measures.repeated_share(even) == 0
    assert measures.longest_still(even) == pytest.approx(40)


def test_a_picture_that_is_shown_again_is_repeated_though_it_comes_in_time():
    twice = pictures(np.repeat(shades(50), 2, axis=0))
    assert measures.repeated_share(twice) == pytest.approx(0.5)
    assert measures.rate(twice) == pytest.approx(25)
    assert measures.longest_still(twice) == pytest.approx(80)


def test_a_frame_for_which_no_picture_came_repeats_the_one_before():
    kept = np.delete(np.arange(100), [20, 21, 50])
    with_holes = pictures(shades(97), BEGAN + 40.0 * kept, PICTURE_TICKS * kept)
    assert measures.repeated_share(with_holes) == pytest.approx(0.03)
    missed_by_the_script_alone = pictures(shades(97), BEGAN + 40.0 * kept, PICTURE_TICKS * kept, kept)
    assert measures.repeated_share(missed_by_the_script_alone) == 0


def test_a_face_that_stands_still_is_seen_to():
    grey = shades(100)
    grey[40:] = grey[40]
    assert measures.longest_still(pictures(grey)) == pytest.approx(59 * 40)


def test_pictures_that_come_behind_their_time_are_late():
    at = BEGAN + 40.0 * np.arange(200)
    at[[50, 100, 101, 150]] += 60
    assert measures.late_share(pictures(shades(200), at)) == pytest.approx(0.02)


def test_the_clock_of_pictures_may_begin_again():
    ticks = (WRAP - 5 * PICTURE_TICKS + PICTURE_TICKS * np.arange(20)) % WRAP
    assert pictures(shades(20), ticks=ticks).index.tolist() == list(range(20))


def test_a_hole_in_a_voice_is_found_and_its_silence_is_none(voice):
    level = loudness(voice)
    said = Said(BEGAN, BEGAN + 20_000, level)
    heard = np.concatenate([np.zeros(30), 0.8 * level, np.zeros(50)])
    assert measures.place(said, sounds(heard)) == pytest.approx(BEGAN + 300)
    assert measures.longest_gap(said, sounds(heard)) == 0
    loud = int(np.argmax(np.convolve(level, np.ones(12), "valid")))
    heard[30 + loud : 30 + loud + 12] = 0
    assert measures.longest_gap(said, sounds(heard)) == pytest.approx(100, abs=20)


def test_the_delay_of_a_voice_is_counted_without_the_silence_at_its_beginning():
    level = np.concatenate([np.zeros(20), np.full(50, 0.1)])
    said = Said(BEGAN, BEGAN + 5000, level)
    assert measures.delay(said, sounds(np.concatenate([np.zeros(30), level]))) == pytest.approx(300)
    assert measures.delay(said, sounds(np.zeros(200))) is None


@pytest.mark.parametrize("lag", [-120, 0, 60, 200])
def test_the_lag_of_a_voice_behind_the_lips_is_found(voice, lag):
    level = loudness(voice)
    heard = sounds(level)
    at = BEGAN + 40.0 * np.arange(len(level) // 4)
    opening = np.interp(at + lag, heard.at, level) + np.random.default_rng(0).normal(0, 0.01, len(at))
    alike, found = measures.follows(at, opening, heard, BEGAN, BEGAN + 10 * len(level))
    assert alike > 0.7
    assert found == pytest.approx(lag, abs=10)


def test_lips_that_move_as_they_like_follow_no_voice(voice):
    heard = sounds(loudness(voice))
    at = BEGAN + 40.0 * np.arange(len(heard.at) // 4)
    opening = np.convolve(np.random.default_rng(1).normal(size=len(at)), np.ones(4) / 4, "same")
    assert measures.follows(at, opening, heard, BEGAN, float(heard.at[-1]))[0] < 0.25


def test_a_mouth_is_shut_with_the_last_picture_that_shows_it_open():
    at = BEGAN + 40.0 * np.arange(50)
    opening = np.where(np.arange(50) < 15, 0.2, 0.0)
    below = measures.shut_below(opening)
    begin, end = BEGAN + 500, BEGAN + 1900
    assert measures.time_to_shut(at, opening, begin, end, below) == pytest.approx(100)
    opening[30] = 0.2
    assert measures.time_to_shut(at, opening, begin, end, below) == pytest.approx(740)
    assert measures.shut_below(np.full(50, 0.001)) is None


def test_what_is_heard_again_after_a_pause_is_not_silence():
    level = np.zeros(200)
    level[:20] = level[60:80] = 0.1
    assert measures.time_to_silence(sounds(level), BEGAN + 100, BEGAN + 1500) == pytest.approx(690)
    assert measures.time_to_silence(sounds(level), BEGAN + 900, BEGAN + 1500) == 0


def test_beeps_are_held_to_their_flashes():
    light, level = np.zeros(100), np.zeros(400)
    for frame in range(10, 90, 10):
        light[frame : frame + 3] = 255
        level[4 * frame + 3 : 4 * frame + 15] = 0.2
    offsets = measures.flash_offsets(BEGAN + 40.0 * np.arange(100), light, sounds(level, BEGAN + 10))
    assert offsets == pytest.approx(np.full(8, 30))


def test_a_judgement_says_what_it_is_and_whether_it_holds():
    assert "at most 200" in str(most("silence", 250, 200)) and "FAIL" in str(most("silence", 250, 200))
    assert str(Judgement("rate", 25.02, "", 24.9, 25.1)).split()[-1] == "pass"
    unknown = least("mouth", None, 0.25, reason="the mouth never opens")
    assert not unknown.passed and not unknown.failed
    assert str(unknown).endswith("not measured: the mouth never opens")
