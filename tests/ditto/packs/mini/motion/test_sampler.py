import dataclasses
import time
from pathlib import Path

import numpy as np
import pytest

from cfg.errors import ModelError
from ditto import bundled
from ditto.motion.angles import bins_to_degrees, degrees_to_bins
from ditto.motion.vector import PLACES
from ditto.packs.mini.motion.expression_numbers import FULL_BLINK, METRE, Exp
from ditto.packs.mini.motion.lip_readout import (
    FULL_MEETING,
    OUTPUTS,
    Reader,
    Readout,
    bent,
    load_readout,
    met,
)
from ditto.packs.mini.motion.sampler import MiniSampler
from ditto.stages.audio2motion import Audio2Motion
from ditto.stages.messages import Conditions

GAP = PLACES["exp"].start + Exp.GAP
WIDTH = PLACES["exp"].start + Exp.WIDTH
CORNER = PLACES["exp"].start + Exp.CORNER
BLINK = PLACES["exp"].start + Exp.BLINK_LEFT


def portrait(yaw=0.0):
    source = np.zeros(265, np.float32)
    for angle, degrees in (("pitch", 0.0), ("yaw", yaw), ("roll", 0.0)):
        source[PLACES[angle]] = degrees_to_bins(degrees)
    return source


def readout():
    """Rows of three numbers: the gap in millimetres, whether somebody speaks, and whether it is M, B or P."""
    weights = np.zeros((3, OUTPUTS), np.float32)
    weights[0, 0] = weights[1, -2] = weights[2, -1] = 1
    return Readout(weights, np.zeros(OUTPUTS, np.float32))


def rows(count, gap=8.0, speaks=1.0, meets=0.0):
    return np.tile(np.array([gap, speaks, meets], np.float32), (count, 1))


def spoken(conditions, *, overlap=10, seed=0, source=None, emotion=False):
    """Motion of whole windows, later ones laid over earlier ones, and the largest disagreement."""
    source = portrait() if source is None else source
    sampler = MiniSampler(readout(), source, overlap=overlap, emotion=emotion)
    rng, previous, apart = np.random.default_rng(seed), source, 0.0
    joined = np.zeros((len(conditions), 265), np.float32)
    for start in range(0, len(conditions) - 79, 80 - overlap):
        window = sampler.sample(previous, conditions[start : start + 80], rng)
        assert window.shape == (80, 265)
        assert window.dtype == np.float32
        if start:
            apart = max(apart, float(np.abs(joined[start : start + overlap] - window[:overlap]).max()))
        joined[start : start + 80] = window
        previous = window[80 - overlap - 1]
    return joined, apart


def degrees(motion, angle):
    return bins_to_degrees(motion[:, PLACES[angle]])


@pytest.mark.parametrize("overlap", [10, 70, 75])
def test_windows_agree_on_the_frames_they_share(overlap):
    _, apart = spoken(rows(80 + 4 * (80 - overlap)), overlap=overlap)
    assert apart < 1e-3


def test_the_same_seed_gives_the_same_bits_and_another_seed_another_life():
    first, again = spoken(rows(220))[0], spoken(rows(220))[0]
    assert np.array_equal(first, again)
    assert not np.allclose(degrees(first, "yaw"), degrees(spoken(rows(220), seed=1)[0], "yaw"), atol=0.5)


def test_a_stream_moves_as_whole_windows_do():
    wide = spoken(rows(220), overlap=10)[0]
    narrow = spoken(rows(220), overlap=75)[0]
    np.testing.assert_allclose(wide, narrow, atol=1e-3)


def test_the_first_frame_is_the_portrait():
    source = portrait(yaw=12.0)
    motion, _ = spoken(rows(80), source=source)
    assert degrees(motion[:1], "yaw")[0] == pytest.approx(12.0, abs=0.05)
    np.testing.assert_allclose(motion[0, PLACES["exp"]], source[PLACES["exp"]], atol=1e-6)


def test_the_gap_is_absolute_and_never_negative():
    source = portrait()
    source[GAP] = 5 * METRE
    open_mouth, _ = spoken(rows(80, gap=9.0), source=source)
    assert open_mouth[60, GAP] == pytest.approx(9 * METRE, rel=1e-3)
    assert spoken(rows(80, gap=-7.0))[0][:, GAP].min() >= 0


def test_a_smile_of_the_portrait_stays():
    source = portrait()
    source[CORNER] = -3 * METRE
    assert spoken(rows(80), source=source)[0][60, CORNER] == pytest.approx(-3 * METRE, rel=1e-3)


def test_the_mouth_is_closed_half_a_second_into_a_silence_and_open_again_with_the_voice():
    conditions = np.concatenate([rows(60), rows(40, speaks=0.0), rows(50)])
    gap = spoken(conditions)[0][:, GAP] / METRE
    assert gap[55] > 7.9
    assert gap[60 + 13 : 100].max() < 0.01
    assert gap[100] == pytest.approx(4, abs=0.1)  # not from shut to open within a frame
    assert gap[101] > 7.9


def test_a_short_pause_does_not_close_the_mouth():
    conditions = np.concatenate([rows(60), rows(6, speaks=0.0), rows(84)])
    assert spoken(conditions)[0][30:, GAP].min() > 7.9 * METRE


def test_blinks_are_as_frequent_and_as_long_as_those_of_people():
    minutes = 8
    blink = spoken(rows(80 + 70 * (minutes * 1500 // 70)))[0][:, BLINK] / METRE / FULL_BLINK
    shut = blink > 0.25
    starts = np.flatnonzero(shut[1:] & ~shut[:-1])
    lengths = [int(np.argmin(shut[start + 1 : start + 30])) for start in starts if start < len(shut) - 30]
    assert 12 <= len(starts) / minutes <= 22
    assert min(lengths) >= 3 and max(lengths) <= 10  # 120 to 400 ms


def clip(frames):
    """(n,) how far the lids of a clip of so many frames are shut, with the default seed."""
    sampler = MiniSampler(readout(), portrait(), overlap=10, emotion=False)
    stage = Audio2Motion(sampler, portrait(), smoothing=1)
    motions = [*stage.process(Conditions(0, 0, rows(frames))), *stage.flush()]
    return np.stack([motion.vector for motion in motions])[:, BLINK] / METRE / FULL_BLINK


def test_a_clip_of_any_length_ends_on_open_eyes_and_no_blink_before_the_end_is_changed():
    whole = clip(330)
    blinks = np.flatnonzero((whole[1:] > 0.3) & (whole[:-1] < 0.05)) + 1
    assert len(blinks) > 2
    for first in blinks.tolist():
        for frames in range(first, first + 8):
            cut, last = clip(frames), first if frames < first + 7 else frames
            assert np.allclose(cut[:last], whole[:last], atol=1e-5)
            assert np.abs(cut[last:]).max(initial=0) < 1e-5


def test_a_clip_that_blinks_no_more_after_its_end_ends_as_it_would_go_on():
    assert np.allclose(clip(60), clip(330)[:60], atol=1e-5)


def test_blinks_are_as_frequent_in_the_first_seconds_and_none_is_in_the_first():
    starts = []
    for seed in range(60):
        shut = spoken(rows(150), seed=seed)[0][:, BLINK] > 0.25 * FULL_BLINK * METRE
        starts += np.flatnonzero(shut[1:] & ~shut[:-1]).tolist()
    assert 12 <= len(starts) / (60 * 150 / 1500) <= 22
    assert min(starts) >= 24


def test_the_head_strays_and_hurries_as_heads_of_people_do():
    motion = spoken(rows(80 + 70 * 100))[0]
    for angle, spread, speed in (("yaw", 4.6, 0.61), ("pitch", 3.6, 0.54), ("roll", 3.2, 0.33)):
        track = degrees(motion, angle)
        assert 0.7 * spread < track.std() < 1.3 * spread
        assert 0.7 * speed < np.diff(track).std() < 1.3 * speed


def test_a_head_that_does_not_speak_moves_less():
    loud, quiet = spoken(rows(1480))[0], spoken(rows(1480, speaks=0.0))[0]
    assert degrees(quiet, "yaw").std() < 0.6 * degrees(loud, "yaw").std()


def test_joy_draws_the_mouth_wide_in_proportion():
    def wide(strength):
        feelings = np.zeros((80, 8), np.float32)
        feelings[:, 3], feelings[:, 4] = strength, 1 - strength
        return spoken(np.concatenate([rows(80), feelings], axis=1), emotion=True)[0][60, WIDTH]

    assert wide(0.0) == pytest.approx(0, abs=1e-6)
    assert wide(1.0) == pytest.approx(2 * wide(0.5))
    assert wide(1.0) > 4 * METRE


def test_a_new_utterance_goes_on_from_where_the_face_was():
    sampler = MiniSampler(readout(), portrait(), overlap=10, emotion=False)
    first = sampler.sample(portrait(), rows(80), np.random.default_rng(0))
    second = sampler.sample(first[50], rows(80), np.random.default_rng(1))
    np.testing.assert_allclose(degrees(second[:1], "yaw"), degrees(first[50:51], "yaw"), atol=0.05)
    assert np.abs(np.diff(degrees(second, "yaw"))).max() < 3


def test_lips_meet_as_the_sound_becomes_one_of_closed_lips_and_leave_other_sounds_alone():
    sound = np.array([-0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 3.0], np.float32) * FULL_MEETING
    gap = met(np.full(len(sound), 8.0, np.float32), sound)
    np.testing.assert_array_equal(gap[[0, 1, 5, 6]], [8, 8, 0, 0])
    assert gap[3] == pytest.approx(4)
    assert (np.diff(gap[1:6]) < 0).all()


def test_a_closure_of_the_lips_comes_and_goes_within_the_voice():
    conditions = rows(80)
    conditions[38:43, 2] = FULL_MEETING * np.array([0.5, 1.0, 1.0, 1.0, 0.5], np.float32)
    gap = spoken(conditions)[0][:, GAP] / METRE
    np.testing.assert_allclose(gap[37:44], [8, 4, 0, 0, 0, 4, 8], atol=0.01)


def test_readers_are_added_to_the_linear_part():
    lone = Reader(
        narrow=np.ones((3, 1), np.float32),
        narrow_bias=np.zeros(1, np.float32),
        join=np.ones((1, 1), np.float32),
        join_bias=np.zeros(1, np.float32),
        mix=np.zeros((1, 1), np.float32),
        mix_bias=np.zeros(1, np.float32),
        out=np.eye(1, OUTPUTS, dtype=np.float32),
    )
    plain = readout()
    joined = dataclasses.replace(plain, readers=(lone, lone))
    conditions = rows(3, gap=4.0)
    read = bent(bent(conditions.sum(axis=1)))
    np.testing.assert_allclose(joined(conditions)[0][:, 0], 4 + 2 * read, rtol=1e-5)


def test_a_window_is_made_in_a_few_milliseconds():
    shipped = load_readout(bundled.path("motion.npz"), online=True)
    sampler = MiniSampler(shipped, portrait(), overlap=75, emotion=False)
    rng, conditions, taken = np.random.default_rng(0), np.zeros((80, len(shipped.weights)), np.float32), []
    for _ in range(20):
        begin = time.thread_time()
        sampler.sample(portrait(), conditions, rng)
        taken.append(time.thread_time() - begin)
    assert np.median(taken) < 0.030  # 4 ms on an idle core


def test_weights_that_are_not_weights_are_refused(tmp_path: Path):
    (tmp_path / "motion.npz").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="not the weights"):
        load_readout(tmp_path / "motion.npz", online=True)
