"""Speech without its steady noise: a spectral gate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats

QUIET_SHARE = 0.1  # share of the quietest moments that the noise is learned from
STOP_RATIO = 1.5  # times the noise, in amplitude, that a sound must be to pass at all
PASS_RATIO = 2.0  # times the noise at which it passes untouched
STOPPED_GAIN = 0.1  # amplitude that is left of what does not pass (20 dB less)
WINDOWS_AT_ONCE = 2048  # windows transformed at once


def without_noise(samples: Floats, rate: int) -> Floats:
    """The same length of sound, with what hums and hisses all the time turned down."""
    size = 1 << (rate // 32).bit_length()  # windows of 32 to 64 ms
    hop = size // 4
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    padded = np.pad(samples, (size, 2 * size))
    count = (len(padded) - size) // hop + 1
    views = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    energy = np.array([np.dot(v, v) for v in views])
    inside = energy[4:-8] if count > 16 else energy
    loud_enough = energy > 0
    bound = np.quantile(inside, QUIET_SHARE)
    quiet = np.flatnonzero(loud_enough & (energy <= bound))[:WINDOWS_AT_ONCE]
    if not len(quiet):
        return samples
    noise = np.sqrt((np.abs(np.fft.rfft(views[quiet] * window)) ** 2).mean(axis=0))
    cleaned = np.zeros(len(padded), np.float32)
    held = np.zeros((1, len(noise)))
    for first in range(0, count, WINDOWS_AT_ONCE):
        spectrum = np.fft.rfft(views[first : first + WINDOWS_AT_ONCE] * window)
        level = np.abs(spectrum) / np.maximum(noise, 1e-9)
        gain = np.clip((level - STOP_RATIO) / (PASS_RATIO - STOP_RATIO), STOPPED_GAIN, 1)
        smooth = _spread(np.concatenate([held, gain]))[1:]
        held = gain[-1:]
        pieces = np.fft.irfft(spectrum * smooth, size) * window / 1.5
        for at, piece in enumerate(pieces, first):
            cleaned[at * hop : at * hop + size] += piece
    return cleaned[size : size + len(samples)]


def _spread(gain: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A gain that neither jumps between neighbouring frequencies nor drops at once in time."""
    wide = np.lib.stride_tricks.sliding_window_view(np.pad(gain, ((0, 0), (2, 2)), mode="edge"), 5, axis=1)
    slow: npt.NDArray[np.float64] = wide.mean(axis=2)
    slow[1:] = np.maximum(slow[1:], 0.6 * slow[:-1])
    return slow
