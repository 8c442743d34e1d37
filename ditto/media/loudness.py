"""Loudness of speech by ITU-R BS.1770-4, and speech brought to a wanted one."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats

SPEECH_LUFS = -20.0
MAX_PEAK = 0.97  # full scale that a louder voice is held below
FILTER_RATE = 48_000  # the standard gives its filters for this rate

# The two filters of the standard: a high shelf for the head, then a high pass.
SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
HIGH_PASS = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))
ABSOLUTE_GATE = -70.0  # LUFS
RELATIVE_GATE = -10.0  # LU below the mean of what is not silent
LOUDNESS_OFFSET = -0.691


def loudness(samples: Floats, rate: int) -> float:
    """Integrated loudness of a mono sound in LUFS; minus infinity for silence."""
    hop = rate // 10
    step, length = hop, 4 * hop  # blocks of 400 ms, three quarters shared
    if len(samples) < length:
        samples = np.pad(samples, (0, length - len(samples)))
    count = (len(samples) - length) // step + 1
    tenths = np.empty(count + 3)
    spectrum_size = 16 * hop
    for first in range(0, count + 3, 8):
        last = min(first + 8, count + 3)
        before = min(first * hop, 4 * hop)
        piece = samples[first * hop - before : last * hop]
        weighted = _weighted(piece, rate, spectrum_size)[before:]
        tenths[first:last] = (weighted.reshape(-1, hop) ** 2).mean(axis=1)
    power = np.convolve(tenths, np.full(4, 0.25), mode="valid")
    level = LOUDNESS_OFFSET + 10 * np.log10(np.maximum(power, 1e-20))
    heard = power[level > ABSOLUTE_GATE]
    if not len(heard):
        return -math.inf
    gate = LOUDNESS_OFFSET + 10 * math.log10(heard.mean()) + RELATIVE_GATE
    return LOUDNESS_OFFSET + 10 * math.log10(power[(level > gate) & (level > ABSOLUTE_GATE)].mean())


def to_loudness(samples: Floats, rate: int, target: float) -> Floats:
    """The sound at `target` LUFS, or as near as full scale allows; silence stays silence."""
    measured = loudness(samples, rate)
    if math.isinf(measured):
        return samples
    gain = 10 ** ((target - measured) / 20)
    peak = float(np.abs(samples).max())
    return (samples * min(gain, MAX_PEAK / peak)).astype(np.float32)


def _weighted(piece: Floats, rate: int, size: int) -> npt.NDArray[np.float64]:
    """The piece as an ear weighs it; `size` leaves the filters room to die away."""
    frequency = np.fft.rfftfreq(size, 1 / rate)
    z = np.exp(-2j * np.pi * frequency / FILTER_RATE)
    response = np.ones_like(z)
    for above, below in (SHELF, HIGH_PASS):
        response *= np.polynomial.polynomial.polyval(z, above) / np.polynomial.polynomial.polyval(z, below)
    return np.fft.irfft(np.fft.rfft(piece, size) * response, size)[: len(piece)]
