"""Angles of a head: logits over bins, as the motion networks give them, or degrees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ditto.arrays import Floats

BINS = 66
BIN_WIDTH = 3.0  # degrees
FIRST_BIN = -97.5  # degrees
BELL_WIDTH = 4.5  # degrees of a bell of logits
BIN_NUMBERS = np.arange(BINS)


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """Angles as logits."""

    values: Floats  # (n, 66)

    def degrees(self) -> Floats:
        """(n,)"""
        return bins_to_degrees(self.values)


@dataclass(frozen=True, slots=True, eq=False)
class Degrees:
    """Angles as they are."""

    values: Floats  # (n,)

    def degrees(self) -> Floats:
        """(n,)"""
        return self.values


Angle = Bins | Degrees


def bins_to_degrees(logits: Floats) -> Floats:
    """(n, 66) logits to (n,) degrees."""
    weights = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(weights @ BIN_NUMBERS * BIN_WIDTH + FIRST_BIN, np.float32)


def degrees_to_bins(degrees: float | Floats) -> Floats:
    """(...,) angles within -80 to 80 as (..., 66) logits whose softmax expectation they are.

    The logits form a parabola, so the softmax is a sampled bell curve. That keeps every linear
    operation on logits (smoothing, fusing windows, adding a difference) linear in degrees, which
    splitting an angle over its two neighbouring bins would not.
    """
    angle = np.asarray(degrees, np.float64)[..., None]
    centres = FIRST_BIN + BIN_WIDTH * np.arange(BINS)
    return np.asarray(-0.5 * ((angle - centres) / BELL_WIDTH) ** 2, np.float32)
