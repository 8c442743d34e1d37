"""Roles of the mini pack's expression numbers: which may be enlarged, which show who somebody is."""

from __future__ import annotations

import numpy as np

from ditto.arrays import Floats
from ditto.motion.motion_scale import FaceRoles
from ditto.packs.mini.motion.expression_numbers import LIPS, METRE, OPENS, Exp
from ditto.packs.mini.source.appearance import MiniAppearance
from ditto.source.avatar import SourceFrame

BROW_NUMBERS = (Exp.BROW_IN, Exp.BROW_OUT, Exp.FURROW)
OPENING_NUMBERS = (Exp.GAP, Exp.JAW, Exp.LOW_LIP, Exp.UP_LIP)  # a mouth that speaks has to open all the same
LID_NUMBERS = (Exp.BLINK_LEFT, Exp.BLINK_RIGHT)
MAX_GAP_MM = 27.0  # millimetres between the inner lips of an enlarged expression


def face_roles(source: SourceFrame[MiniAppearance]) -> FaceRoles:
    """Those of one portrait."""
    neutral: Floats = np.array(source.motion.exp, np.float32).reshape(63)
    for place, share in OPENS.items():
        neutral[place] -= share * neutral[Exp.GAP]
    neutral[Exp.GAP] = 0
    most = np.full(63, np.inf, np.float32)
    most[Exp.GAP] = MAX_GAP_MM * METRE
    habits = [place for place in (*LIPS, *BROW_NUMBERS) if place not in OPENING_NUMBERS]
    return FaceRoles(neutral, ones(*LIPS, *BROW_NUMBERS), ones(*habits), ones(*LID_NUMBERS), most)


def ones(*places: int) -> Floats:
    mask = np.zeros(63, np.float32)
    mask[list(places)] = 1
    return mask
