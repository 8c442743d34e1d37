"""Meaning of the 63 expression numbers in the mini pack.

The expression is 21 keypoints x 3 numbers, in metres of displacement on a face of ordinary size.
Numbers of the lips lie on keypoints 6, 12, 14, 17, 19, 20 and those of eyes and brows on 11, 13,
15, 16, 18, so that every control that speaks of lips or eyes by keypoint acts on them rightly:
gaze sits at entries 33, 34, 45 and 46, where gaze compensation expects it.
"""

from __future__ import annotations

from enum import IntEnum

METRE = 1e-3  # one millimetre in units of the expression
FULL_BLINK = 10.0  # millimetres of lid travel that close an eye


class Exp(IntEnum):
    """Places in the expression; the unit of each is the millimetre times METRE."""

    GAP = 6 * 3 + 1  # inner lips apart, absolute: 0 is closed
    LOW_LIP = 12 * 3 + 1  # lower inner lip down, beyond the jaw
    UP_LIP = 12 * 3 + 0  # upper inner lip down (negative is up)
    JAW = 14 * 3 + 1  # chin down
    JAW_SIDE = 14 * 3 + 0  # chin to image right
    WIDTH = 17 * 3 + 0  # mouth wider
    CORNER = 17 * 3 + 1  # mouth corners down (negative is a smile)
    PROTRUDE = 17 * 3 + 2  # lips away from the camera (negative is a pout)
    UP_THICK = 19 * 3 + 1  # upper lip thicker
    LOW_THICK = 20 * 3 + 1  # lower lip thicker
    SNEER = 19 * 3 + 0  # nose wings down (negative is a sneer)
    ASYM = 20 * 3 + 0  # image-left corner lower than image-right, half the difference
    GAZE_X_LEFT = 11 * 3 + 0  # image-left eye looks to image right
    GAZE_Y_LEFT = 11 * 3 + 1  # image-left eye looks down
    GAZE_X_RIGHT = 15 * 3 + 0
    GAZE_Y_RIGHT = 15 * 3 + 1
    BLINK_LEFT = 13 * 3 + 1  # image-left upper lid down; FULL_BLINK closes it
    BLINK_RIGHT = 16 * 3 + 1
    BROW_IN = 18 * 3 + 1  # inner brows down (negative is raised)
    BROW_OUT = 18 * 3 + 0  # outer brows down
    FURROW = 18 * 3 + 2  # brows apart (negative is a frown)


LIPS = (
    Exp.GAP, Exp.LOW_LIP, Exp.UP_LIP, Exp.JAW, Exp.JAW_SIDE, Exp.WIDTH, Exp.CORNER, Exp.PROTRUDE,
    Exp.UP_THICK, Exp.LOW_THICK, Exp.SNEER, Exp.ASYM,
)  # fmt: skip
EYES = (
    Exp.GAZE_X_LEFT, Exp.GAZE_Y_LEFT, Exp.GAZE_X_RIGHT, Exp.GAZE_Y_RIGHT, Exp.BLINK_LEFT,
    Exp.BLINK_RIGHT, Exp.BROW_IN, Exp.BROW_OUT, Exp.FURROW,
)  # fmt: skip
OPENS = {Exp.JAW: 0.35, Exp.LOW_LIP: 0.38, Exp.UP_LIP: -0.27}  # their share in a millimetre of gap
