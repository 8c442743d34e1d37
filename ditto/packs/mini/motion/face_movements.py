"""The named movements of the face in the mini pack's expression numbers."""

from __future__ import annotations

from collections.abc import Mapping

from ditto.motion.face_movements import FaceRows, row_of
from ditto.packs.mini.motion.expression_numbers import FULL_BLINK, METRE, Exp

WINK = {Exp.WIDTH: 1.5, Exp.CORNER: -1.0, Exp.SNEER: -0.6, Exp.BROW_OUT: 0.8}  # the cheek that goes with it

LIDS_FOLLOW = 0.03 * FULL_BLINK  # millimetres that lids go down with each degree of a lower gaze

Offsets = Mapping[Exp, float]

MOVES: Mapping[
    str, tuple[Offsets, Offsets]
] = {  # millimetres at full strength, and at full strength the other way
    "smile": (
        {Exp.WIDTH: 8.5, Exp.CORNER: -4.8, Exp.UP_THICK: -0.6, Exp.BLINK_LEFT: 0.9, Exp.BLINK_RIGHT: 0.9},
        {Exp.CORNER: 5.0, Exp.WIDTH: -1.0, Exp.LOW_THICK: 0.8},
    ),
    "brows": ({Exp.BROW_IN: -5.5, Exp.BROW_OUT: -5.5}, {Exp.BROW_IN: 4.5, Exp.BROW_OUT: 3.5}),
    "furrow": ({Exp.FURROW: -5.0, Exp.BROW_IN: 3.0}, {Exp.FURROW: 2.0}),
    "wink_left": ({**WINK, Exp.ASYM: -1.8}, {}),
    "wink_right": ({**WINK, Exp.ASYM: 1.8}, {}),
}
SQUINT_MM = 0.6  # millimetres that the other eye narrows in a wink, which it may not blink through
LID_MOVES: Mapping[str, Offsets] = {
    "blink": {Exp.BLINK_LEFT: FULL_BLINK, Exp.BLINK_RIGHT: FULL_BLINK},
    "wink_left": {Exp.BLINK_LEFT: FULL_BLINK, Exp.BLINK_RIGHT: SQUINT_MM},
    "wink_right": {Exp.BLINK_LEFT: SQUINT_MM, Exp.BLINK_RIGHT: FULL_BLINK},
}

FACE = FaceRows(
    moves={name: (row_of(more, METRE), row_of(less, METRE)) for name, (more, less) in MOVES.items()},
    lids={name: row_of(lids, METRE) for name, lids in LID_MOVES.items()},
    lids_per_degree=row_of(dict.fromkeys(LID_MOVES["blink"], LIDS_FOLLOW), METRE),
    shut=(row_of({Exp.BLINK_LEFT: FULL_BLINK}, METRE), row_of({Exp.BLINK_RIGHT: FULL_BLINK}, METRE)),
)
