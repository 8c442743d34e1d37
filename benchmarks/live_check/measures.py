"""Measures of what was seen and heard; functions of arrays, with times in milliseconds."""

from __future__ import annotations

import numpy as np

from benchmarks.live_check.recording import LOUD, Pictures, Said, Sounds
from ditto.arrays import Image, Numbers

FRAME = 40.0
SAME = 0.4  # of 255: mean difference below which a picture is the one before, coded once more: that has 0.25
STEP = 10.0  # between the lags that are tried, and of sound
MAX_LAG = 400.0
CLEARLY_LOUD = 0.02  # of a voice that was sent: none of it may be missing
FAINT = 0.2  # of what was sent: below it, it is missing
OPEN_SHARE = 0.25  # of how far the mouth opens: below it is shut
MIN_OPENING = 0.02  # distances of the eyes: a mouth that never opens so far does not move


def differences(grey: Image) -> Numbers:
    """(n - 1,) mean difference between pictures that follow each other."""
    found = [np.abs(a.astype(np.int16) - b).mean() for a, b in zip(grey[1:], grey[:-1], strict=True)]
    return np.array(found)


def new(pictures: Pictures) -> Numbers:
    """(n,) times of the pictures that differ from the one before."""
    changed = np.concatenate([[True], differences(pictures.grey) > SAME])
    return np.asarray(pictures.at[changed])


def longest_still(pictures: Pictures) -> float:
    """Longest time without a picture that differs from the one before."""
    times = np.append(new(pictures), pictures.at[-1])
    return float(np.diff(times).max())


def rate(pictures: Pictures) -> float:
    """Pictures a second."""
    shown = pictures.presented[-1] - pictures.presented[0]
    return float(1000 * shown / (pictures.at[-1] - pictures.at[0]))


def late_share(pictures: Pictures) -> float:
    """Share of pictures that were shown a frame or more after the moment at which their like are shown."""
    behind = pictures.at - pictures.index * FRAME
    drift = np.polyval(np.polyfit(pictures.index, behind, 1), pictures.index)
    behind = behind - drift
    return float(np.mean(behind - np.median(behind) >= FRAME))


def repeated_share(pictures: Pictures) -> float:
    """Share of frames in which the picture before was shown once more: none came, or the same again."""
    frames = pictures.index[-1] - pictures.index[0] + 1
    shown = pictures.presented[-1] - pictures.presented[0] + 1
    same = int((differences(pictures.grey) <= SAME).sum())
    return float((max(0, frames - shown) + same) / frames)


def place(said: Said, sounds: Sounds) -> float:
    """When the first block of a known voice is heard: where both are most alike."""
    assert said.level is not None
    inside = (sounds.at >= said.at) & (sounds.at < said.until)
    heard, at = sounds.level[inside], sounds.at[inside]
    if len(heard) < len(said.level):
        heard = np.pad(heard, (0, len(said.level) - len(heard)))
    alike = np.correlate(heard, said.level, "valid")
    return float(at[int(alike.argmax())]) if len(at) else said.at


def delay(said: Said, sounds: Sounds) -> float | None:
    """From sending a voice to hearing its first loud block; None where it is not heard."""
    heard = sounds.first(said.at, said.until)
    if heard is None or said.level is None:
        return None
    lead = float(np.argmax(said.level > LOUD)) * STEP
    return heard - said.at - lead


def longest_gap(said: Said, sounds: Sounds) -> float:
    """Longest stretch of a voice's clearly loud parts that is missing."""
    assert said.level is not None
    begin = place(said, sounds)
    times = begin + STEP * np.arange(len(said.level))
    heard = np.interp(times, sounds.at, sounds.level, left=0.0, right=0.0)
    around = np.maximum(heard, np.maximum(np.roll(heard, 1), np.roll(heard, -1)))
    missing = (said.level > CLEARLY_LOUD) & (around < FAINT * said.level)
    longest = run = 0
    for lost in missing:
        run = run + 1 if lost else 0
        longest = max(longest, run)
    return STEP * longest


def follows(at: Numbers, opening: Numbers, sounds: Sounds, begin: float, end: float) -> tuple[float, float]:
    """Correlation of mouth and loudness where it is best, and how far the sound is behind the lips there."""
    grid = np.arange(begin + MAX_LAG, end - MAX_LAG, STEP)
    level = np.sqrt(np.interp(grid, sounds.at, sounds.level))
    lags = np.arange(-MAX_LAG, MAX_LAG + 1, STEP)
    found = np.array([correlation(np.interp(grid - lag, at, opening), level) for lag in lags])
    best = int(found.argmax())
    return float(found[best]), float(lags[best] + STEP * summit(found, best))


def correlation(one: Numbers, other: Numbers) -> float:
    spread = float(one.std() * other.std())
    return float(np.mean((one - one.mean()) * (other - other.mean())) / spread) if spread > 0 else 0.0


def summit(values: Numbers, best: int) -> float:
    """Place of the summit of the parabola through a maximum and its neighbours, in -0.5..0.5."""
    if not 0 < best < len(values) - 1:
        return 0.0
    before, at, after = (float(value) for value in values[best - 1 : best + 2])
    curve = before - 2 * at + after
    return 0.0 if curve >= 0 else 0.5 * (before - after) / curve


def shut_below(opening: Numbers) -> float | None:
    """Opening below which this mouth is shut; None where it never opens."""
    seen = opening[np.isfinite(opening)]
    if not len(seen) or float(np.percentile(seen, 99)) < MIN_OPENING:
        return None
    rest, wide = np.percentile(seen, [5, 95])
    return float(rest + OPEN_SHARE * (wide - rest))


def time_to_shut(at: Numbers, opening: Numbers, begin: float, end: float, below: float) -> float:
    """From a moment to the picture with which the mouth is shut and stays so."""
    after = (at >= begin) & (at < end)
    times, wide = at[after], np.nan_to_num(opening[after]) >= below
    if not wide.any():
        return 0.0
    last = int(np.flatnonzero(wide)[-1])
    return float((times[last + 1] if last + 1 < len(times) else end) - begin)


def time_to_silence(sounds: Sounds, begin: float, end: float) -> float:
    """From a moment to the last that is heard."""
    last = sounds.last(begin, end)
    return 0.0 if last is None else last - begin


def flash_offsets(at: Numbers, light: Numbers, sounds: Sounds) -> Numbers:
    """(n,) how far each beep is behind its flash, in pictures whose corner is lit while it is loud."""
    flashes = onsets(at, light > 128)
    beeps = onsets(sounds.at - STEP, sounds.level > LOUD)
    if not len(flashes) or not len(beeps):
        return np.zeros(0)
    nearest = np.abs(beeps[:, None] - flashes[None]).argmin(axis=0)
    return np.asarray(beeps[nearest] - flashes)


def onsets(at: Numbers, on: np.ndarray) -> Numbers:
    begins = np.flatnonzero(on[1:] & ~on[:-1]) + 1
    return np.asarray(at[begins])
