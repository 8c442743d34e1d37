"""Samples and frames a second; time is counted in both, in integers."""

from __future__ import annotations

SAMPLE_RATE = 16_000
FRAME_RATE = 25
SAMPLES_PER_FRAME = SAMPLE_RATE // FRAME_RATE
