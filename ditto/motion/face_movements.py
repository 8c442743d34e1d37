"""Named movements of the face and the gaze, in the expression numbers of any pack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import SupportsIndex, TypeVar

import numpy as np

from ditto.arrays import Floats
from ditto.motion.controls import Controls
from ditto.motion.pose import GAZE_PER_PITCH, GAZE_PER_YAW, LEFT_GAZE, RIGHT_GAZE, shift_gaze

GAZE_AT = [LEFT_GAZE, LEFT_GAZE + 1, RIGHT_GAZE, RIGHT_GAZE + 1]


@dataclass(frozen=True, slots=True, eq=False)
class FaceRows:
    """Rows of a pack's expression for each named movement, all (1, 63)."""

    moves: Mapping[str, tuple[Floats, Floats]]  # control -> added at 1, and at -1
    lids: Mapping[str, Floats]  # control -> offsets from the portrait of the lids it moves
    lids_per_degree: Floats  # added for each degree that a gaze target lies down
    shut: tuple[Floats, Floats]  # added to close an open eye, image-left and image-right


Place = TypeVar("Place", bound=SupportsIndex)  # in a row of 63

NO_MOVEMENTS = FaceRows({}, {}, np.zeros((1, 63), np.float32), (np.zeros((1, 63), np.float32),) * 2)


def row_of(places: Mapping[Place, float], unit: float = 1.0) -> Floats:
    """(1, 63) with the given entries, in a unit of theirs."""
    row = np.zeros((1, 63), np.float32)
    for place, value in places.items():
        row[0, place] = value * unit
    return row


def express(rest: Floats, face: Floats, controls: Controls, rows: FaceRows) -> Floats:
    """The (1, 63) expression with the movements that are asked for; `rest` is the portrait's."""
    for name, (more, less) in rows.moves.items():
        amount = getattr(controls, name)
        if amount:
            face = face + (more if amount > 0 else less) * np.float32(abs(amount))
    return close_lids(rest, look(rest, face, controls, rows), controls, rows)


def look(rest: Floats, face: Floats, controls: Controls, rows: FaceRows) -> Floats:
    """The eyes turned to a target, in place of where the motion has them look; lids follow."""
    if controls.gaze_yaw is None and controls.gaze_pitch is None:
        return face
    hold = 1.0 if controls.gaze_hold is None else min(max(controls.gaze_hold, 0.0), 1.0)
    right, up = -(controls.gaze_yaw or 0.0) * GAZE_PER_YAW, -(controls.gaze_pitch or 0.0) * GAZE_PER_PITCH
    target = shift_gaze(rest, right, up)
    looking: Floats = face.copy()
    looking[0, GAZE_AT] = face[0, GAZE_AT] * np.float32(1 - hold) + target[0, GAZE_AT] * np.float32(hold)
    lids = rows.lids_per_degree * np.float32(hold * (controls.gaze_pitch or 0.0))
    return np.asarray(looking + lids, np.float32)


def close_lids(rest: Floats, face: Floats, controls: Controls, rows: FaceRows) -> Floats:
    """Each eye where the control has it that closes it most, in place of the motion's own lids."""
    share, lid = np.zeros_like(rest), np.zeros_like(rest)
    for name, row in rows.lids.items():
        amount = getattr(controls, name)
        if amount:
            asked = (row != 0) * np.float32(min(max(amount, 0.0), 1.0))
            more = np.abs(asked * row) > np.abs(share * lid)
            share, lid = np.where(more, asked, share), np.where(more, row, lid)
    return np.asarray(face * (1 - share) + (rest + lid) * share, np.float32)
