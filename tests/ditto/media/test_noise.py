"""Speech without its steady noise."""

import numpy as np
import pytest

from ditto.media.noise import without_noise
from ditto.media.sound import read_sound

RATE = 16000


def decibels(samples):
    return 10 * np.log10(np.mean(samples.astype(float) ** 2) + 1e-20)


@pytest.fixture
def speech():
    """Four words of half a second with half a second of pause after each, and where the words are."""
    t = np.arange(4 * RATE) / RATE
    spoken = (t % 1) < 0.5
    voice = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 12))
    shape = np.where(spoken, np.sin(np.pi * np.clip(t % 1 / 0.5, 0, 1)) ** 0.5, 0)
    return (0.2 * voice * shape).astype(np.float32), spoken


def inside(mask):
    """The mask without 64 ms at each border."""
    return np.convolve(mask, np.ones(2049), mode="same") > 2048.5


@pytest.mark.parametrize("level", [0.003, 0.01])
def test_pauses_get_quieter_and_words_do_not(speech, level):
    voice, spoken = speech
    noise = level * np.random.default_rng(0).standard_normal(len(voice)).astype(np.float32)
    cleaned = without_noise(voice + noise, RATE)
    words, pauses = inside(spoken), inside(~spoken)
    assert decibels(noise[pauses]) - decibels(cleaned[pauses]) >= 10
    assert decibels(cleaned[words]) == pytest.approx(decibels(voice[words]), abs=1.5)


def test_a_hum_is_learned_and_removed(speech):
    voice, spoken = speech
    hum = (0.02 * np.sin(2 * np.pi * 50 * np.arange(len(voice)) / RATE)).astype(np.float32)
    cleaned = without_noise(voice + hum, RATE)
    pauses = inside(~spoken)
    assert decibels(hum[pauses]) - decibels(cleaned[pauses]) >= 10


def test_a_clean_voice_is_left_as_it_is(speech):
    voice, spoken = speech
    cleaned = without_noise(voice, RATE)
    assert decibels((cleaned - voice)[inside(spoken)]) < decibels(voice[spoken]) - 30


@pytest.mark.parametrize("length", [1, 100, 512, 5000, 16001])
def test_the_length_stays(length):
    sound = np.random.default_rng(length).standard_normal(length).astype(np.float32) * 0.01
    cleaned = without_noise(sound, RATE)
    assert cleaned.shape == sound.shape
    assert cleaned.dtype == np.float32
    assert np.isfinite(cleaned).all()


def test_silence_stays_silence():
    assert not without_noise(np.zeros(8000, np.float32), RATE).any()


def test_a_file_can_be_cleaned_while_it_is_read(speech, wav):
    voice, spoken = speech
    noisy = voice + 0.01 * np.random.default_rng(0).standard_normal(len(voice)).astype(np.float32)
    sound = read_sound(wav(noisy, RATE), denoise=True)
    pauses = inside(~spoken)
    assert decibels(sound.samples[pauses]) < decibels(noisy[pauses]) - 10
