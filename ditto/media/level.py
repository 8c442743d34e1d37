"""Recording level of a voice: too quiet, clipped, or silent."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ditto.arrays import Floats

SILENT_PEAK = 1e-3  # loudest sample of a sound that nobody hears, -60 dB
QUIET_PEAK = 10 ** (-30 / 20)  # loudest sample of a voice recorded too quietly
CLIPPING_LEVEL = 0.98  # of full scale, above which a flat top is one that was cut off
FLAT_TOP_STEP = 1e-4  # between neighbours in a flat top
MIN_CLIPPED_SHARE = 1e-3  # share of cut samples that is heard


@dataclass(frozen=True, slots=True)
class Level:
    """Level of a recording, by its samples."""

    peak: float = 1.0  # loudest sample of either sign
    clipped: float = 0.0  # share of samples that were cut off at full scale

    @property
    def silent(self) -> bool:
        """Whether nothing in it is loud enough to move lips."""
        return self.peak < SILENT_PEAK

    def remark(self, *, normalised: bool = False) -> str:
        """Fault of the recording, in a sentence; '' where there is none."""
        if self.silent:
            return "the voice is silent; the lips stay closed"
        if self.clipped > MIN_CLIPPED_SHARE:
            return (
                f"the voice is clipped: {100 * self.clipped:.1f} % of its samples are cut off at full scale; "
                "record or export it at a lower level"
            )
        if self.peak < QUIET_PEAK and not normalised:
            return (
                f"the voice is quiet: its loudest sample is at {20 * math.log10(self.peak):.0f} dB of full "
                "scale; --normalise (audio.normalise) brings it to an ordinary loudness"
            )
        return ""


class LevelMeter:
    """Measures a sound while it is read."""

    def __init__(self) -> None:
        self._peak = 0.0
        self._clipped = 0
        self._samples = 0

    def add(self, block: Floats) -> Floats:
        """The next (n, channels), given back as it came."""
        peak = float(max(block.max(initial=0), -block.min(initial=0)))
        self._peak = max(self._peak, peak)
        self._samples += block.size
        if peak >= CLIPPING_LEVEL:
            self._clipped += cut_off(block)
        return block

    @property
    def level(self) -> Level:
        return Level(self._peak, self._clipped / max(1, self._samples))


def cut_off(block: Floats) -> int:
    """Samples beyond full scale, as coders make them of cut ones, or in flat tops of four near it."""
    loud = np.abs(block)
    flat = (loud[1:] >= CLIPPING_LEVEL) & (np.abs(np.diff(block, axis=0)) < FLAT_TOP_STEP)
    tops = flat[:-2] & flat[1:-1] & flat[2:]
    return int(np.count_nonzero(tops) + np.count_nonzero(loud > 1))
