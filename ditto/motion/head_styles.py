"""Styles of head motion: which way a head moves, how far and how fast, told by a number.

Style 0 leaves a pack's own motion as it is. 1 to 45 are five families times three sizes times three
tempi. A style is a function of its number, the seed and the time, so it needs no memory and comes
out the same on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ditto.rates import FRAME_RATE

STYLES = 45
OWN_MOTION_SHARE = 0.3  # share of the pack's own head motion that is left under a style
SIZES = (0.55, 1.0, 1.6)
TEMPI = (0.10, 0.19, 0.33)  # swings a second
SWING_SPREAD = (0.45, 0.74, 1.0, 1.41, 1.93)  # of the swings that are added up, around the tempo
SETTING_IN_SECONDS = 1.2  # seconds in which a style leaves the portrait's pose


@dataclass(frozen=True, slots=True)
class Family:
    """Degrees that pitch, yaw and roll stray by, and how much a head rests at its turning points."""

    name: str
    degrees: tuple[float, float, float]
    rest: float = 0.0  # 0 swings evenly; 1.6 looks from one side to the other and stays there


FAMILIES = (
    Family("nodding", (2.9, 0.9, 0.6)),
    Family("turning", (0.8, 4.6, 0.8)),
    Family("tilting", (0.7, 1.2, 3.2)),
    Family("wandering", (1.9, 3.0, 1.7)),
    Family("glancing", (1.0, 5.4, 1.4), rest=1.6),
)


@dataclass(frozen=True, slots=True)
class HeadStyle:
    """One of the styles 1 to 45."""

    family: Family
    size: float
    tempo: float  # swings a second
    seed: int

    @property
    def name(self) -> str:
        return f"{self.family.name}, size {self.size:g}, {self.tempo:g} swings a second"

    def degrees(self, frame: float) -> tuple[float, float, float]:
        """Pitch, yaw and roll away from the portrait's, at a frame counted at 25 a second."""
        seconds = frame / FRAME_RATE
        swings, phases, heights = self._swings()
        wave = (heights * np.sin(2 * np.pi * swings * seconds + phases)).sum(axis=1)
        wave -= (heights * np.sin(phases)).sum(axis=1) * np.exp(-seconds / SETTING_IN_SECONDS)
        if self.family.rest:
            wave = np.tanh(self.family.rest * wave) / np.tanh(self.family.rest)
        share = min(1.0, max(0.0, seconds / SETTING_IN_SECONDS))
        pitch, yaw, roll = wave * self.family.degrees * self.size * share * share * (3 - 2 * share)
        return float(pitch), float(yaw), float(roll)

    def _swings(self) -> tuple[npt.NDArray[np.float64], ...]:
        """(3, 5) swings a second, phases, and heights of unit power, of pitch, yaw and roll."""
        rng = np.random.default_rng(self.seed)
        shape = (3, len(SWING_SPREAD))
        swings = self.tempo * np.array(SWING_SPREAD) * rng.uniform(0.9, 1.1, shape)
        phases = rng.uniform(0, 2 * np.pi, shape)
        heights = np.array(SWING_SPREAD) ** -0.5 * rng.uniform(0.7, 1.3, shape)
        heights *= np.sqrt(2 / (heights**2).sum(axis=1, keepdims=True))
        return swings, phases, heights


def head_style(number: int, seed: int = 0) -> HeadStyle | None:
    """The style of a number; None for 0, which is the pack's own motion."""
    if number == 0:
        return None
    family, variant = divmod(number - 1, len(SIZES) * len(TEMPI))
    size, tempo = divmod(variant, len(TEMPI))
    own_seed = int(np.random.default_rng((seed, number)).integers(2**62))
    return HeadStyle(FAMILIES[family], SIZES[size], TEMPI[tempo], own_seed)
