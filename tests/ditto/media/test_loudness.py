"""How loud speech is, and speech brought to a wanted loudness."""

import math

import numpy as np
import pytest

from ditto.media.loudness import MAX_PEAK, loudness, to_loudness


def tone(hertz, decibels, seconds=3.0, rate=48000):
    """A sine whose peak is `decibels` below full scale."""
    t = np.arange(round(seconds * rate)) / rate
    return (10 ** (decibels / 20) * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
@pytest.mark.parametrize("decibels", [0, -20, -40])
def test_a_sine_of_997_hertz_reads_3_below_its_peak(rate, decibels):
    # The standard: full scale in one channel is -3.01 LKFS.
    assert loudness(tone(997, decibels, rate=rate), rate) == pytest.approx(decibels - 3.01, abs=0.1)


def test_low_sounds_count_less_and_high_ones_more():
    low, middle, high = (loudness(tone(f, -20), 48000) for f in (40, 997, 6000))
    assert low < middle - 4
    assert high > middle + 2


def test_pauses_do_not_count():
    speech = tone(997, -20, 4.0)
    paused = np.concatenate([speech, np.zeros(48000 * 8, np.float32), tone(997, -55, 4.0)])
    assert loudness(paused, 48000) == pytest.approx(loudness(speech, 48000), abs=0.3)


@pytest.mark.parametrize("seconds", [0.01, 0.4, 1.0, 1.05, 10.0])
def test_the_length_does_not_matter_from_one_block_on(seconds):
    measured = loudness(tone(997, -20, seconds), 48000)
    assert measured == pytest.approx(-23.01, abs=0.3) if seconds >= 0.4 else measured < -23


def test_silence_has_no_loudness_and_stays_silence():
    silence = np.zeros(16000, np.float32)
    assert loudness(silence, 16000) == -math.inf
    assert not to_loudness(silence, 16000, -20).any()


@pytest.mark.parametrize("target", [-30, -20, -14])
@pytest.mark.parametrize("decibels", [-50, -30, -6])
def test_the_target_is_hit_within_half_a_unit(decibels, target):
    louder = to_loudness(tone(500, decibels, rate=16000), 16000, target)
    assert louder.dtype == np.float32
    assert loudness(louder, 16000) == pytest.approx(target, abs=0.5)


def test_a_peak_never_leaves_full_scale():
    clicks = np.zeros(48000, np.float32)
    clicks[::4800] = 0.5
    assert np.abs(to_loudness(clicks, 16000, -5)).max() == pytest.approx(MAX_PEAK, abs=1e-3)
