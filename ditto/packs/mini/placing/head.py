"""Motion of a head: the mesh turned and moved in the picture, shoulders left where they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ditto.arrays import Floats
from ditto.faces.topology import OVAL
from ditto.motion.pose import Placement, rotation
from ditto.packs.mini.motion.expression_numbers import METRE
from ditto.packs.mini.source.appearance import MiniAppearance
from ditto.smoothstep import clamped, smoothstep, soft_limit

ANGLE_GAIN = 1.08  # angles are counted as a tracker sees them, which is less than heads turn
MAX_YAW, MAX_PITCH, MAX_ROLL = 22.0, 14.0, 25.0  # degrees away from a frontal source
MAX_YAW_BACK = 14.0  # degrees a turned head may turn back, which uncovers what its picture hides


@dataclass(frozen=True, slots=True, eq=False)
class MovedHead:
    """The mesh of one frame, in pixels of the picture."""

    vertices: Floats  # (n, 2)
    depth: Floats  # (n,)
    rigid: Floats  # (478, 3) the face moved by the head alone
    turn: Floats  # (3, 3) of the head away from the source, times its growth


def moved_head(look: MiniAppearance, displaced: Floats, rest: Placement, drive: Placement) -> MovedHead:
    """Moves a face that is deformed by (478, 3) template units, and all that the head takes along."""
    head = look.head
    towards_front = smoothstep(abs(head.yaw), 8.0, 25.0)
    uncovering = MAX_YAW_BACK * (1 - 0.5 * smoothstep(abs(head.yaw), 25.0, 40.0))
    narrowed = uncovering * towards_front + MAX_YAW * (1 - towards_front)
    beyond = max(8.0, MAX_YAW - 0.7 * abs(head.yaw))
    low, high = (-narrowed, beyond) if head.yaw > 0 else (-beyond, narrowed)
    pitch_limit, roll_limit = look.freedom * MAX_PITCH, look.freedom * MAX_ROLL
    yaw = rest.yaw + ANGLE_GAIN * soft_limit(drive.yaw - rest.yaw, look.freedom * low, look.freedom * high)
    pitch = rest.pitch + ANGLE_GAIN * soft_limit(drive.pitch - rest.pitch, -pitch_limit, pitch_limit)
    roll = rest.roll + soft_limit(drive.roll - rest.roll, -roll_limit, roll_limit)
    angles = np.array([[rest.pitch, rest.yaw, rest.roll], [pitch, yaw, roll]])
    before, after = rotation(angles[:, 0], angles[:, 1], angles[:, 2])  # for row vectors
    growth = clamped(drive.scale / rest.scale, 0.8, 1.25)
    turn = (after.T @ before * growth).astype(np.float32)
    shift = (drive.translation - rest.translation).reshape(3)[:2] / METRE * head.millimetre
    shift = np.clip(shift, -30 * head.millimetre, 30 * head.millimetre).astype(np.float32)
    expressed = displaced @ head.turn.T * head.scale

    def moved(points: Floats) -> Floats:
        result = (points - head.pivot) @ turn.T + head.pivot
        result[:, :2] += shift
        return np.asarray(result, np.float32)

    face = moved(head.points + expressed)
    oval = expressed[list(OVAL)]
    rings, weight = head.rings, head.rings.weight[:, None]
    pulled = (oval * rings.pull.reshape(-1, len(OVAL), 1)).reshape(-1, 3)
    carried = moved(rings.solid + pulled)
    around = rings.points + pulled[:, :2] * (1 - weight) + weight * (carried[:, :2] - rings.points)
    around[: len(OVAL)] = head.contour.placed(face)
    vertices = np.concatenate([face[:, :2], around]).astype(np.float32)
    depth = np.concatenate([face[:, 2], carried[:, 2]]).astype(np.float32)
    return MovedHead(vertices, depth, moved(head.points), turn)
