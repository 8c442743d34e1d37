"""The mini pack's warper: a pose becomes a mesh, and the mesh a map."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ditto.arrays import Floats
from ditto.faces.topology import (
    EYES,
    LOWER_INNER,
    LOWER_OUTER,
    MILLIMETRES,
    OVAL,
    UPPER_INNER,
    UPPER_OUTER,
)
from ditto.motion.pose import Placement, rotation
from ditto.packs.mini.curves import arch
from ditto.packs.mini.motion.expression_numbers import FULL_BLINK, METRE, Exp
from ditto.packs.mini.paint.rasterise import blurred_map, raster_shift
from ditto.packs.mini.paint.resample import UNVEILED
from ditto.packs.mini.smoothstep import clamped, smoothstep
from ditto.packs.mini.source.appearance import MiniAppearance
from ditto.packs.mini.source.geometry import MIXED_RIM, SHUT_GAP, HeadGeometry
from ditto.packs.mini.source.head_mesh import ring_triangles
from ditto.packs.mini.source.template import LINEAR, Ints, Template, default_template
from ditto.stages.messages import Pose

LEAST_MOTION = 1e-7  # below it a pose is the source's own
TURN = 1.08  # angles are counted as a tracker sees them, which is less than heads turn
YAW_LIMIT, PITCH_LIMIT, ROLL_LIMIT = 22.0, 14.0, 25.0  # degrees away from a frontal source
UNCOVERING = 14.0  # degrees a turned head may turn back
WIDEST = 60.0  # millimetres lips come apart
REACH = 9.0  # millimetres over which skin follows the inner lips
RIM = 1.2  # millimetres of a parted lip that go in with the rim when it closes: they are tinged with teeth
LID = 0.04  # of its width that an eye is taken to be larger above and below when it closes
NEARLY = (1.0, 4.0)  # millimetres between lips that begin to close, the last first
SPARED = 0.6  # of what lies next to a rim that is not given up with it
LIMITS = {  # millimetres an expression number may move a face
    Exp.JAW: (-4.0, 28.0), Exp.LOW_LIP: (-12.0, 18.0), Exp.UP_LIP: (-10.0, 8.0), Exp.WIDTH: (-18.0, 16.0),
    Exp.CORNER: (-12.0, 12.0), Exp.PROTRUDE: (-9.0, 6.0), Exp.UP_THICK: (-5.0, 5.0),
    Exp.LOW_THICK: (-6.0, 6.0), Exp.BROW_IN: (-9.0, 7.0), Exp.BROW_OUT: (-9.0, 7.0),
    Exp.FURROW: (-6.0, 5.0), Exp.SNEER: (-6.0, 5.0), Exp.ASYM: (-6.0, 6.0), Exp.JAW_SIDE: (-9.0, 9.0),
}  # fmt: skip
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


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """Where each pixel of the wide moving box comes from: less where it is, on a grid.

    Grid point (i, j) lies at x = (j - 0.5) · step - 0.5, y = (i - 0.5) · step - 0.5 in the box; between
    the points it is interpolated.
    """

    shift_x: Floats  # (n, m) pixels
    shift_y: Floats  # (n, m)
    step: int  # pixels from one grid point to the next


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """How a picture moves, and what its mouth and eyes are painted from."""

    map: Map
    uncovers: bool  # whether the head has left its place, so that some of the background is seen
    placed: Floats  # (n, 2) mesh in pixels of the picture
    rigid: Floats  # (478, 3) the mesh moved by the head alone
    turn: Floats  # (3, 3) of the head away from the source, times its growth
    blink: tuple[float, float]  # share of each eye closed; negative is wider open
    gaze: Floats  # (2, 2) pixels each iris moves, before the head's turn
    gap: float  # millimetres
    jaw: float  # millimetres the lower teeth fall


def soft_limit(value: float, low: float, high: float) -> float:
    """`value` unchanged up to two thirds of a limit, then approaching it."""
    limit = high if value > 0 else -low
    knee = limit * 2 / 3
    size = abs(value)
    if size > knee:
        size = knee + (limit - knee) * float(np.tanh((size - knee) / (limit - knee)))
    return size if value > 0 else -size


class MiniWarper:
    """Tells how the portrait moves; `None` for a pose that is the source's own."""

    def __init__(self, template: Template | None = None) -> None:
        self._template = template or default_template()
        self._follow = lip_followers(self._template)
        self._basis = np.asarray(self._template.basis, np.float32).reshape(len(LINEAR), -1)
        self._drawn: Floats | None = None  # (3, n, m) room for a map and the depth of what is drawn into it

    def __call__(self, pose: Pose[MiniAppearance]) -> Moved | None:
        if at_rest(pose):
            return None
        look = pose.source.look
        head = look.head
        delta = (pose.drive.expression - pose.rest.expression).reshape(63) / METRE
        target = clamped(float(pose.drive.expression.reshape(63)[Exp.GAP]) / METRE, 0.0, WIDEST)
        blink, gaze = eye_motion(delta, head)
        displaced, gap, jaw = self.displace(head, delta, target)
        move_lids(displaced, head.face, blink)
        placed, depth, rigid, turn = place(look, displaced, pose.rest, pose.drive)
        travel = float(np.abs(rigid[list(OVAL), :2] - head.points[list(OVAL), :2]).max())
        skin = drawn_back(head, gap, blink) + head.outline.tucked(turn)
        where = self._map(head, placed, depth, skin, blink)
        return Moved(where, travel > UNVEILED, placed, rigid, turn, blink, gaze, gap, jaw)

    def displace(self, head: HeadGeometry, delta: Floats, target: float) -> tuple[Floats, float, float]:
        """(478, 3) template units the face is deformed by; the gap and the jaw's fall in millimetres."""
        target = max(0.0, target - seam(head, target))
        moves = np.array([soft_limit(float(delta[n]), *LIMITS[n]) for n in LINEAR], np.float32)
        average = self._template.shape
        wide = float((head.face[291, 0] - head.face[61, 0]) / (average[291, 0] - average[61, 0]))
        width = LINEAR.index(Exp.WIDTH)
        if moves[width] < 0:  # a puckered smile keeps the smile's folds: narrow it less
            moves[width] /= 1 + 3 * max(0.0, wide - 1.05)
        displaced: Floats = (moves @ self._basis).reshape(-1, 3)
        upper, lower = list(UPPER_INNER), list(LOWER_INNER)
        face = head.face + displaced
        apart = (face[lower, 1] - face[upper, 1]) * MILLIMETRES
        middle = float(apart[5])
        if target < middle and middle > 0.5:
            wanted = apart * (target / middle)
        else:
            wanted = apart + (target - middle) * arch(len(apart)) ** 2
        least = 0.2 if head.gap < SHUT_GAP else 0.0  # lips that are parted in the source can meet exactly
        floor = np.minimum((head.face[lower, 1] - head.face[upper, 1]) * MILLIMETRES, least)
        wanted = np.maximum(wanted, np.minimum(floor, 0.0) if target > 0.3 else floor)
        wanted[[0, -1]] = apart[[0, -1]]
        change = ((wanted - apart) / MILLIMETRES).astype(np.float32)
        displaced[:, 1] += self._follow[0] @ (-0.35 * change) + self._follow[1] @ (0.65 * change)
        fall, chin = float(displaced[14, 1]) * MILLIMETRES, float(displaced[152, 1]) * MILLIMETRES
        jaw = max(0.0, min(1.5 * chin + 0.3 * max(fall - 7, 0), 0.95 * fall) + 0.25 * head.gap)
        return displaced, target, jaw

    def _map(
        self, head: HeadGeometry, placed: Floats, depth: Floats, skin: Floats, blink: tuple[float, float]
    ) -> Map:
        """Where each pixel of the wide box comes from; `skin` (478, 2) is the mesh in the picture."""
        left, top, right, bottom = head.wide_box
        width, height = right - left, bottom - top
        step = head.step
        grid = (3, -(-height // step) + 2, -(-width // step) + 2)
        if self._drawn is None or self._drawn.shape != grid:
            self._drawn = np.empty(grid, np.float32)
        sharp_x, sharp_y, nearest = self._drawn
        self._drawn[:2].fill(0)
        source = np.concatenate([skin, head.rings.points])
        parts: tuple[tuple[Ints, Floats | None], ...] = (
            (ring_triangles(), nearest),
            (self._template.holes, None),
            (self._template.triangles, nearest),
        )
        for triangles, tested in parts:
            if tested is not None:
                tested.fill(1e9)
            raster_shift((sharp_x, sharp_y), tested, placed, source, depth, triangles, (left, top), step)
        shift_x, shift_y = blurred_map(sharp_x), blurred_map(sharp_y)
        # not between lips or lids: a blend of the upper and the lower one shows what lies between them
        rims: list[tuple[int, ...]] = [UPPER_INNER + LOWER_INNER]
        rims += [eye.upper + eye.lower for eye, share in zip(EYES, blink, strict=True) if share]
        near = 3 + head.millimetre * 3 / step
        for rim in rims:
            points = (placed[list(rim)] - (left, top)) / step + 1
            x0, y0 = np.maximum(points.min(0) - near, 0).astype(int)
            x1, y1 = np.maximum(points.max(0) + near + 1, 0).astype(int)
            shift_x[y0:y1, x0:x1], shift_y[y0:y1, x0:x1] = sharp_x[y0:y1, x0:x1], sharp_y[y0:y1, x0:x1]
        return Map(shift_x, shift_y, step)


def seam(head: HeadGeometry, target: float) -> float:
    """Millimetres that an opening smaller than the source's shows too much of: its rim is half teeth."""
    parted = smoothstep(head.gap, SHUT_GAP, 3 * SHUT_GAP) * max(0.0, 1 - target / max(head.gap, SHUT_GAP))
    return MIXED_RIM / head.millimetre * parted


def drawn_back(head: HeadGeometry, gap: float, blink: tuple[float, float]) -> Floats:
    """(478, 2) the mesh in the picture, with the rims of what closes drawn back on lips and lids.

    The mesh runs a little within an open mouth or eye at places, and pictures are blurred there: rims that
    carried teeth or white along would show them where they meet.
    """
    skin: Floats = head.points[:, :2].copy()
    down = np.asarray(head.turn[:2, 1], np.float32)
    lips = closing(head, gap) * RIM * head.millimetre * arch(len(UPPER_INNER))
    lids = [
        np.full(len(eye.upper_fold) + len(eye.lower_fold), smoothstep(share, 0.3, 0.9) * LID * width)
        for eye, share, width in zip(EYES, blink, eye_widths(skin), strict=True)
    ]
    far = np.concatenate([lips, lips, *lids]).astype(np.float32)
    if far.any():
        room = CLOSING_SIGNS * ((skin[CLOSING_BEYOND] - skin[CLOSING_RIMS]) @ down)
        back = CLOSING_SIGNS * np.minimum(far, (1 - SPARED) * np.maximum(room, 0))
        skin[CLOSING_RIMS] += back[:, None] * down
    return skin


def eye_widths(skin: Floats) -> list[float]:
    """Pixels between the corners of each eye."""
    return [math.dist(skin[eye.upper[0]].tolist(), skin[eye.upper[-1]].tolist()) for eye in EYES]


def closing(head: HeadGeometry, gap: float) -> float:
    """0..1: how nearly closed lips are that are parted in the source."""
    parted = smoothstep(head.gap, SHUT_GAP, 3 * SHUT_GAP)
    return parted * (1 - smoothstep(gap, *NEARLY))


def at_rest(pose: Pose[MiniAppearance]) -> bool:
    """Whether nothing moves."""
    rest, drive = pose.rest, pose.drive
    angles = max(abs(drive.pitch - rest.pitch), abs(drive.yaw - rest.yaw), abs(drive.roll - rest.roll))
    shifts = float(np.abs(drive.translation - rest.translation).max())
    face = float(np.abs(drive.expression - rest.expression).max())
    return angles < 1e-4 and max(shifts, face, abs(drive.scale - rest.scale)) < LEAST_MOTION


def lip_followers(template: Template) -> tuple[Floats, Floats]:
    """(478, 11) twice: how far each point follows each upper, and each lower, inner lip point."""
    shape = template.shape[:, :2] * MILLIMETRES
    both = []
    seam = (shape[list(UPPER_INNER), 1] + shape[list(LOWER_INNER), 1]) / 2
    across = shape[list(UPPER_INNER), 0]
    line = np.interp(shape[:, 0], across, seam)
    for chain, sign in ((UPPER_INNER, -1), (LOWER_INNER, 1)):
        lips = shape[list(chain)]
        near = np.exp(-(((shape[:, None, 0] - lips[None, :, 0]) / 3.5) ** 2))
        near /= np.maximum(near.sum(1, keepdims=True), 0.5)
        far = sign * (shape[:, 1] - line)
        below = np.where(far > 0, np.exp(-((np.maximum(far - 1.5, 0) / REACH) ** 2)), 0)
        weights = near * below[:, None]
        for other in (UPPER_INNER, LOWER_INNER):
            weights[list(other)] = 0
        weights[list(chain)] = np.eye(len(chain))
        both.append(weights.astype(np.float32))
    return both[0], both[1]


def eye_motion(delta: Floats, head: HeadGeometry) -> tuple[tuple[float, float], Floats]:
    """Share of each eye closed, and (2, 2) pixels the irises move."""
    left, right = (
        clamped(float(delta[n]) / FULL_BLINK, -0.2, 1.0) for n in (Exp.BLINK_LEFT, Exp.BLINK_RIGHT)
    )
    gaze = [
        [clamped(float(delta[x]), -5.0, 5.0), clamped(float(delta[y]), -2.5, 2.5)]
        for x, y in ((Exp.GAZE_X_LEFT, Exp.GAZE_Y_LEFT), (Exp.GAZE_X_RIGHT, Exp.GAZE_Y_RIGHT))
    ]
    return (left, right), np.array(gaze, np.float32) * np.float32(head.millimetre)


def move_lids(displaced: Floats, face: Floats, blink: tuple[float, float]) -> None:
    """Adds lids that close to a line low in the eye, and the skin around that follows them."""
    for eye, share in zip(EYES, blink, strict=True):
        if not share:
            continue
        upper, lower = list(eye.upper), list(eye.lower)
        open_upper, open_lower = (face + displaced)[upper], (face + displaced)[lower]
        meet = 0.18 * open_upper + 0.82 * open_lower
        down, up = share * (meet - open_upper), share * (meet - open_lower)
        displaced[upper] += down
        displaced[lower[1:-1]] += up[1:-1]
        displaced[list(eye.upper_fold)] += 0.55 * down[1:-1]
        displaced[list(eye.upper_brow)] += 0.12 * down[1:-1]
        displaced[list(eye.lower_fold)] += 0.40 * up[1:-1]


def place(
    look: MiniAppearance, displaced: Floats, rest: Placement, drive: Placement
) -> tuple[Floats, Floats, Floats, Floats]:
    """The mesh in the picture (n, 2), its depth (n,), the unexpressive face (478, 3), the head's turn."""
    head = look.head
    towards_front = smoothstep(abs(head.yaw), 8.0, 25.0)
    low, high = -YAW_LIMIT, YAW_LIMIT
    uncovering = UNCOVERING * (1 - 0.5 * smoothstep(abs(head.yaw), 25.0, 40.0))
    narrowed = uncovering * towards_front + YAW_LIMIT * (1 - towards_front)
    beyond = max(8.0, YAW_LIMIT - 0.7 * abs(head.yaw))
    low, high = (-narrowed, beyond) if head.yaw > 0 else (-beyond, narrowed)
    pitch_limit, roll_limit = look.freedom * PITCH_LIMIT, look.freedom * ROLL_LIMIT
    yaw = rest.yaw + TURN * soft_limit(drive.yaw - rest.yaw, look.freedom * low, look.freedom * high)
    pitch = rest.pitch + TURN * soft_limit(drive.pitch - rest.pitch, -pitch_limit, pitch_limit)
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
    around[: len(OVAL)] = head.outline.placed(face)
    placed = np.concatenate([face[:, :2], around]).astype(np.float32)
    depth = np.concatenate([face[:, 2], carried[:, 2]]).astype(np.float32)
    return placed, depth, moved(head.points), turn
