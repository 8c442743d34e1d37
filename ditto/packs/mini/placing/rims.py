"""Rims of lips and lids that close, drawn back so that no teeth or white are carried along."""

from __future__ import annotations

import math

import numpy as np

from ditto.arrays import Floats
from ditto.faces.topology import EYES, LOWER_INNER, LOWER_OUTER, UPPER_INNER, UPPER_OUTER
from ditto.packs.mini.curves import arch
from ditto.packs.mini.source.geometry import SHUT_GAP, HeadGeometry
from ditto.smoothstep import smoothstep

LIP_RIM = 1.2  # millimetres of a parted lip that go in with the rim when it closes: tinged with teeth
LID_RIM = 0.04  # of its width that an eye is taken to be larger above and below when it closes
CLOSING_GAP = (1.0, 4.0)  # millimetres between lips: nearly closed, and beginning to close
KEPT_SHARE = 0.6  # of what lies next to a rim that is not given up with it
# rims that are drawn back where they close, what lies next to them, and whether that is above (-1) or below
CLOSING_RIMS = np.array(
    [*UPPER_INNER, *LOWER_INNER, *(p for eye in EYES for p in (*eye.upper[1:-1], *eye.lower[1:-1]))]
)
CLOSING_BEYOND = np.array(
    [*UPPER_OUTER, *LOWER_OUTER, *(p for eye in EYES for p in (*eye.upper_fold, *eye.lower_fold))]
)
CLOSING_SIGNS = np.concatenate(
    [np.full(len(line), sign) for line, sign in ((UPPER_INNER, -1), (LOWER_INNER, 1))]
    + [np.full(len(line), sign) for eye in EYES for line, sign in ((eye.upper_fold, -1), (eye.lower_fold, 1))]
).astype(np.float32)


def drawn_back(head: HeadGeometry, gap: float, blink: tuple[float, float]) -> Floats:
    """(478, 2) the mesh in the picture, with the rims of what closes drawn back on lips and lids.

    The mesh runs a little within an open mouth or eye at places, and pictures are blurred there: rims that
    carried teeth or white along would show them where they meet.
    """
    skin: Floats = head.points[:, :2].copy()
    down = np.asarray(head.turn[:2, 1], np.float32)
    lips = closing(head, gap) * LIP_RIM * head.millimetre * arch(len(UPPER_INNER))
    lids = [
        np.full(len(eye.upper_fold) + len(eye.lower_fold), smoothstep(share, 0.3, 0.9) * LID_RIM * width)
        for eye, share, width in zip(EYES, blink, eye_widths(skin), strict=True)
    ]
    far = np.concatenate([lips, lips, *lids]).astype(np.float32)
    if far.any():
        room = CLOSING_SIGNS * ((skin[CLOSING_BEYOND] - skin[CLOSING_RIMS]) @ down)
        back = CLOSING_SIGNS * np.minimum(far, (1 - KEPT_SHARE) * np.maximum(room, 0))
        skin[CLOSING_RIMS] += back[:, None] * down
    return skin


def eye_widths(skin: Floats) -> list[float]:
    """Pixels between the corners of each eye."""
    return [math.dist(skin[eye.upper[0]].tolist(), skin[eye.upper[-1]].tolist()) for eye in EYES]


def closing(head: HeadGeometry, gap: float) -> float:
    """0..1: how nearly closed lips are that are parted in the source."""
    parted = smoothstep(head.gap, SHUT_GAP, 3 * SHUT_GAP)
    return parted * (1 - smoothstep(gap, *CLOSING_GAP))
