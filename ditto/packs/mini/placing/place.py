"""Placing: a pose becomes the record of all that is to be drawn."""

from __future__ import annotations

import numpy as np

from ditto.faces.topology import OVAL
from ditto.motion.pose import Placement
from ditto.packs.mini.placing.expression import expressed
from ditto.packs.mini.placing.eyes import placed_eye
from ditto.packs.mini.placing.head import moved_head
from ditto.packs.mini.placing.mouth import placed_mouth
from ditto.packs.mini.placing.record import MIN_TRAVEL, Placed
from ditto.packs.mini.placing.rims import drawn_back
from ditto.packs.mini.source.appearance import MiniAppearance

MIN_MOTION = 1e-7  # below it a pose is the source's own
MIN_ANGLE = 1e-4  # degrees
MIN_TURN = 0.035  # sine of the angle below which a head hides nothing of itself


def place(look: MiniAppearance, rest: Placement, drive: Placement) -> Placed | None:
    """The record of a pose; None of one that is the source's own."""
    if at_rest(rest, drive):
        return None
    head = look.head
    expression = expressed(head, rest, drive)
    moved = moved_head(look, expression.displaced, rest, drive)
    travel = float(np.abs(moved.rigid[list(OVAL), :2] - head.points[list(OVAL), :2]).max())
    skin = drawn_back(head, expression.gap, expression.blink) + head.contour.tucked(moved.turn)
    return Placed(
        vertices=moved.vertices,
        depth=moved.depth,
        origins=np.concatenate([skin, head.rings.points]),
        uncovers=travel > MIN_TRAVEL,
        hides=max(abs(float(moved.turn[0, 2])), abs(float(moved.turn[1, 2]))) >= MIN_TURN,
        blink=expression.blink,
        eyes=(placed_eye(look, 0, expression, moved), placed_eye(look, 1, expression, moved)),
        mouth=placed_mouth(look, expression, moved),
    )


def at_rest(rest: Placement, drive: Placement) -> bool:
    """Whether nothing moves."""
    angles = max(abs(drive.pitch - rest.pitch), abs(drive.yaw - rest.yaw), abs(drive.roll - rest.roll))
    shifts = float(np.abs(drive.translation - rest.translation).max())
    face = float(np.abs(drive.expression - rest.expression).max())
    return angles < MIN_ANGLE and max(shifts, face, abs(drive.scale - rest.scale)) < MIN_MOTION
