"""Sound that the check has the face say: known, so that what arrives can be held to it."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from ditto.arrays import Floats
from ditto.media.sound import Resampler, read_sound
from ditto.rates import FRAME_RATE, SAMPLE_RATE

SPEECH = Path(__file__).parents[2] / "examples" / "speech.flac"
BLOCK = SAMPLE_RATE // 100  # samples in 10 ms
SYLLABLE = round(0.22 * SAMPLE_RATE)  # samples
MICROPHONE_RATE = 48_000
EDGE = round(0.02 * SAMPLE_RATE)  # samples in which a syllable begins and ends
OPEN_VOWELS = (550, 1200)  # Hz: where a vowel of an open mouth is loud
DIFFERENT = 6  # syllables
PAUSES = (0.28, 0.55)  # seconds between syllables, never twice the same: a lag is found by them


def speech() -> Floats:
    """Eleven seconds of somebody speaking, at 16 kHz."""
    return np.asarray(read_sound(str(SPEECH)).samples, np.float32)


def visitor() -> Floats:
    """Somebody who speaks for two seconds and is silent for three."""
    quiet = np.zeros(3 * SAMPLE_RATE, np.float32)
    return np.concatenate([quiet[: SAMPLE_RATE // 2], speech()[: 2 * SAMPLE_RATE], quiet])


def loudness(samples: Floats) -> Floats:
    """(n,) root mean square of each 10 ms."""
    count = len(samples) // BLOCK
    return np.asarray(
        np.sqrt(np.mean(samples[: count * BLOCK].reshape(count, BLOCK) ** 2, axis=1)), np.float32
    )


def syllables(voice: Floats, seconds: float, seed: int = 0) -> Floats:
    """Most open syllables of a voice, each between pauses of its own length.

    In running speech the lips move as often as the loudness, four times a second, so that a lag of 250 ms
    looks like none.
    """
    rng = np.random.default_rng(seed)
    power = np.convolve(band(voice, *OPEN_VOWELS) ** 2, np.ones(SYLLABLE), "valid")
    starts: list[int] = []
    while power.max() > 0 and len(starts) < DIFFERENT:
        start = int(power.argmax())
        starts.append(start)
        power[max(0, start - SYLLABLE) : start + SYLLABLE] = 0
    edge = np.ones(SYLLABLE, np.float32)
    edge[:EDGE], edge[-EDGE:] = np.linspace(0, 1, EDGE), np.linspace(1, 0, EDGE)
    pieces: list[Floats] = []
    length = 0
    while length < seconds * SAMPLE_RATE:
        start = starts[len(pieces) // 2 % len(starts)]
        pause = np.zeros(round(rng.uniform(*PAUSES) * SAMPLE_RATE), np.float32)
        pieces += [voice[start : start + SYLLABLE] * edge, pause]
        length += SYLLABLE + len(pause)
    return np.concatenate(pieces)


def band(samples: Floats, low: float, high: float) -> Floats:
    """What a sound at 16 kHz has between two frequencies."""
    spectrum = np.fft.rfft(samples)
    heights = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    spectrum[(heights < low) | (heights > high)] = 0
    return np.asarray(np.fft.irfft(spectrum, len(samples)), np.float32)


def beeps(count: int) -> Floats:
    """Beeps of three frames of the face, every ten frames."""
    frame = SAMPLE_RATE // FRAME_RATE
    times = np.arange(3 * frame) / SAMPLE_RATE
    beep = np.concatenate([0.3 * np.sin(2 * np.pi * 400 * times), np.zeros(7 * frame)])
    return np.tile(beep.astype(np.float32), count)


def write_wav(samples: Floats, file: Path) -> None:
    """As Chromium takes a microphone: 16 bit, 48 kHz."""
    resampled = Resampler(SAMPLE_RATE, MICROPHONE_RATE)
    sound = np.concatenate([resampled.push(samples), resampled.flush()])
    with wave.open(str(file), "wb") as written:
        written.setparams((1, 2, MICROPHONE_RATE, 0, "NONE", ""))
        written.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
