"""The named movements of the face in the mini pack's expression numbers."""

from __future__ import annotations

from ditto.mini.language import FULL_BLINK, METRE, Exp
from ditto.motion.face import FaceRows, row_of

WINK = {Exp.WIDTH: 1.5, Exp.CORNER: -1.0, Exp.SNEER: -0.6, Exp.BROW_OUT: 0.8}  # the cheek that goes with it

MOVES = {  # millimetres at full strength, and at full strength the other way
    "smile": (
        {Exp.WIDTH: 7.5, Exp.CORNER: -4.0, Exp.UP_THICK: -0.6, Exp.BLINK_LEFT: 0.8, Exp.BLINK_RIGHT: 0.8},
        {Exp.CORNER: 4.0, Exp.WIDTH: -1.0, Exp.LOW_THICK: 0.5},
    ),
    "brows": ({Exp.BROW_IN: -4.5, Exp.BROW_OUT: -4.5}, {Exp.BROW_IN: 3.5, Exp.BROW_OUT: 2.5}),
    "furrow": ({Exp.FURROW: -4.0, Exp.BROW_IN: 1.5}, {Exp.FURROW: 2.0}),
    "wink_left": ({**WINK, Exp.ASYM: -1.8}, {}),
    "wink_right": ({**WINK, Exp.ASYM: 1.8}, {}),
}
LIDS = {
    "blink": (Exp.BLINK_LEFT, Exp.BLINK_RIGHT),
    "wink_left": (Exp.BLINK_LEFT,),
    "wink_right": (Exp.BLINK_RIGHT,),
}

FACE = FaceRows(
    moves={name: (row_of(more, METRE), row_of(less, METRE)) for name, (more, less) in MOVES.items()},
    lids={name: row_of(dict.fromkeys(lids, FULL_BLINK), METRE) for name, lids in LIDS.items()},
)
