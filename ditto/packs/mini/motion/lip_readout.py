"""Readout of the built-in pack: lips read off speech features, and whether somebody speaks.

A linear readout and small networks, averaged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from cfg.errors import ModelError
from ditto.arrays import Floats
from ditto.packs.mini.motion.expression_numbers import Exp
from ditto.smoothstep import ramp


class Listening(TypedDict):
    """Frames that the speech encoder sees at once."""

    hop: int  # new ones
    lookahead: int  # after them
    past: int


LISTENING: Mapping[str, Listening] = {  # how the features of each readout are cut
    "online": {"hop": 5, "lookahead": 4, "past": 37},
    "offline": {"hop": 50, "lookahead": 25, "past": 50},
}
CHANNELS = (
    Exp.GAP, Exp.JAW, Exp.LOW_LIP, Exp.UP_LIP, Exp.WIDTH, Exp.CORNER, Exp.PROTRUDE, Exp.UP_THICK,
    Exp.LOW_THICK, Exp.SNEER,
)  # fmt: skip
OUTPUTS = len(CHANNELS) + 2  # of a readout: lips, then whether somebody speaks, then M, B and P
CHANNEL_LIMITS = (
    (0, 30), (-4, 18), (-6, 10), (-9, 6), (-16, 14), (-8, 8), (-6, 5), (-4, 4), (-5, 4), (-3, 3),
)  # fmt: skip
FULL_MEETING = 0.25  # of the readout of M, B and P over which lips that begin to close meet
MIN_SPEECH = 0.5  # readout of the voice above which somebody speaks


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """A small network from speech features to lips: each neighbour narrowed alike, then two layers."""

    narrow: Floats  # (768, d)
    narrow_bias: Floats  # (d,)
    join: Floats  # (taps * d, h)
    join_bias: Floats  # (h,)
    mix: Floats  # (h, h)
    mix_bias: Floats  # (h,)
    out: Floats  # (h, 12)

    def __call__(self, rows: Floats) -> Floats:
        """(n, taps * 768) rows to (n, 12), without the bias, which is the readout's."""
        neighbours = rows.reshape(-1, len(self.narrow))
        narrowed = bent(neighbours @ self.narrow + self.narrow_bias).reshape(len(rows), -1)
        hidden = bent(narrowed @ self.join + self.join_bias)
        spread = np.sqrt(hidden.var(axis=1, keepdims=True) + 1e-5)
        normed = (hidden - hidden.mean(axis=1, keepdims=True)) / spread
        mixed = hidden + bent(np.asarray(normed @ self.mix + self.mix_bias, np.float32))
        return np.asarray(mixed @ self.out, np.float32)


READER = tuple(field.name for field in fields(Reader))


def bent(x: Floats) -> Floats:
    """A smooth ramp: x times a logistic curve of it."""
    y: Floats = x * np.float32(0.5) * (1 + np.tanh(x * np.float32(0.5)))
    return y


@dataclass(frozen=True, slots=True, eq=False)
class Readout:
    """From speech features to lips, for features cut in one way."""

    weights: Floats  # (width, 12): lips in the order of CHANNELS, in millimetres; the voice; M, B and P
    bias: Floats  # (12,)
    readers: tuple[Reader, ...] = ()  # added to the linear part

    def __call__(self, rows: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """(n, width) rows to (n, 10) millimetres and whether somebody speaks."""
        read: Floats = rows @ self.weights + self.bias
        for reader in self.readers:
            read = read + reader(rows)
        lips, voice, sound = read[:, :-2], read[:, -2], read[:, -1]
        lips[:, 0] = met(lips[:, 0], sound)
        low, high = np.array(CHANNEL_LIMITS, np.float32).T
        return np.clip(lips, low, high), voice > MIN_SPEECH


def met(gap: Floats, sound: Floats) -> Floats:
    """Millimetres of a gap that closes as the sound becomes one that no open mouth can make."""
    return np.asarray(gap * (1 - ramp(sound, 0, FULL_MEETING)), np.float32)


def load_readout(path: Path, *, online: bool) -> Readout:
    """The readout in a weights file, for features of a stream or of whole speech."""
    kind = "online" if online else "offline"
    try:
        with np.load(path, allow_pickle=False) as stored:
            weights, bias, *parts = (
                stored[f"{kind}_{name}"].astype(np.float32) for name in ("weights", "bias", *READER)
            )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{path}: not the weights of the mini pack's motion: {error}") from error
    if weights.ndim != 2 or weights.shape[1] != OUTPUTS or bias.shape != (OUTPUTS,):
        raise ModelError(f"{path}: weights are {weights.shape}, but (width, {OUTPUTS}) is needed")
    readers = tuple(Reader(*part) for part in zip(*parts, strict=True))
    return Readout(weights, bias, readers)
