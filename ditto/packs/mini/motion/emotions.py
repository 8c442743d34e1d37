"""Emotions of the built-in pack: where each takes a face."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ditto.arrays import Floats
from ditto.packs.mini.motion.expression_numbers import OPENS, Exp

EMOTION_COUNT = 8  # weights at the end of a row, in the order of cfg.settings.EMOTIONS
EMOTION_OFFSETS: tuple[dict[Exp, float], ...] = (  # millimetres at full strength
    {Exp.BROW_IN: 6.0, Exp.BROW_OUT: 1.5, Exp.FURROW: -5.0, Exp.UP_THICK: -1.4, Exp.LOW_THICK: -1.6,
     Exp.CORNER: 3.2, Exp.SNEER: -1.5, Exp.BLINK_LEFT: 1.0, Exp.BLINK_RIGHT: 1.0},
    {Exp.BROW_IN: 3.5, Exp.BROW_OUT: 2.0, Exp.FURROW: -2.5, Exp.SNEER: -4.5, Exp.UP_LIP: -2.2,
     Exp.CORNER: 3.0, Exp.BLINK_LEFT: 2.0, Exp.BLINK_RIGHT: 2.0},
    {Exp.BROW_IN: -6.0, Exp.BROW_OUT: -2.0, Exp.FURROW: -2.5, Exp.WIDTH: 4.5, Exp.CORNER: 2.2,
     Exp.BLINK_LEFT: -2.0, Exp.BLINK_RIGHT: -2.0},
    {Exp.WIDTH: 10.0, Exp.CORNER: -5.8, Exp.UP_THICK: -0.8, Exp.LOW_THICK: -0.5, Exp.BROW_OUT: -1.0,
     Exp.BLINK_LEFT: 1.5, Exp.BLINK_RIGHT: 1.5},
    {},
    {Exp.BROW_IN: -5.0, Exp.BROW_OUT: 2.0, Exp.FURROW: -1.5, Exp.CORNER: 4.8, Exp.WIDTH: -1.5,
     Exp.LOW_THICK: 0.8, Exp.BLINK_LEFT: 3.2, Exp.BLINK_RIGHT: 3.2},
    {Exp.BROW_IN: -6.0, Exp.BROW_OUT: -6.5, Exp.BLINK_LEFT: -2.0, Exp.BLINK_RIGHT: -2.0, Exp.JAW: 2.0},
    {Exp.ASYM: 3.5, Exp.CORNER: -1.5, Exp.WIDTH: 1.5, Exp.SNEER: -1.2, Exp.BROW_OUT: 1.0,
     Exp.BLINK_LEFT: 1.8, Exp.BLINK_RIGHT: 1.8},
)  # fmt: skip
PARTED_LIPS_MM = (0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 5.0, 0.0)  # millimetres between the lips of a silent mouth


@lru_cache(maxsize=1)
def emotion_table() -> Floats:
    """(8, 63) millimetres of each emotion at full strength."""
    table = np.zeros((EMOTION_COUNT, 63), np.float32)
    for row, offsets in zip(table, EMOTION_OFFSETS, strict=True):
        for place, millimetres in offsets.items():
            row[place] = millimetres
    return table


def add_emotions(face: Floats, weights: Floats, shut: Floats) -> None:
    """Adds (n, 8) emotions to (n, 63) millimetres; some part lips that are (n,) shut in silence."""
    face += weights @ emotion_table()
    parted = weights @ np.array(PARTED_LIPS_MM, np.float32) * shut
    face[:, Exp.GAP] += parted
    for place, share in OPENS.items():
        face[:, place] += share * parted
