"""Expression of a face: how the numbers of a driven one deform the mesh, without the head's motion."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ditto.arrays import Floats
from ditto.faces.topology import EYES, LOWER_INNER, MILLIMETRES, UPPER_INNER
from ditto.motion.pose import Placement
from ditto.packs.mini.curves import arch
from ditto.packs.mini.motion.expression_numbers import FULL_BLINK, METRE, Exp
from ditto.packs.mini.source.geometry import MIXED_RIM, SHUT_GAP, HeadGeometry
from ditto.packs.mini.source.template import LINEAR, default_template
from ditto.smoothstep import clamped, smoothstep, soft_limit

MAX_GAP = 60.0  # millimetres lips come apart
LIP_REACH = 9.0  # millimetres over which skin follows the inner lips
LIMITS = {  # millimetres an expression number may move a face
    Exp.JAW: (-4.0, 28.0), Exp.LOW_LIP: (-12.0, 18.0), Exp.UP_LIP: (-10.0, 8.0), Exp.WIDTH: (-18.0, 16.0),
    Exp.CORNER: (-12.0, 12.0), Exp.PROTRUDE: (-9.0, 6.0), Exp.UP_THICK: (-5.0, 5.0),
    Exp.LOW_THICK: (-6.0, 6.0), Exp.BROW_IN: (-9.0, 7.0), Exp.BROW_OUT: (-9.0, 7.0),
    Exp.FURROW: (-6.0, 5.0), Exp.SNEER: (-6.0, 5.0), Exp.ASYM: (-6.0, 6.0), Exp.JAW_SIDE: (-9.0, 9.0),
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """Expression of one face, driven by numbers."""

    displaced: Floats  # (478, 3) template units
    gap: float  # millimetres
    jaw: float  # millimetres the lower teeth fall
    blink: tuple[float, float]  # share of each eye closed; negative is wider open
    gaze: Floats  # (2, 2) pixels each iris moves, before the head's turn


def expressed(head: HeadGeometry, rest: Placement, drive: Placement) -> Expression:
    """The expression of one frame."""
    delta = (drive.expression - rest.expression).reshape(63) / METRE
    target = clamped(float(drive.expression.reshape(63)[Exp.GAP]) / METRE, 0.0, MAX_GAP)
    blink, gaze = eye_motion(delta, head)
    displaced, gap, jaw = displaced_face(head, delta, target)
    move_lids(displaced, head.face, blink)
    return Expression(displaced, gap, jaw, blink, gaze)


def displaced_face(head: HeadGeometry, delta: Floats, target: float) -> tuple[Floats, float, float]:
    """(478, 3) template units the face is deformed by; the gap and the jaw's fall in millimetres."""
    target = max(0.0, target - seam(head, target))
    moves = np.array([soft_limit(float(delta[n]), *LIMITS[n]) for n in LINEAR], np.float32)
    average = default_template().shape
    wide = float((head.face[291, 0] - head.face[61, 0]) / (average[291, 0] - average[61, 0]))
    width = LINEAR.index(Exp.WIDTH)
    if moves[width] < 0:  # a puckered smile keeps the smile's folds: narrow it less
        moves[width] /= 1 + 3 * max(0.0, wide - 1.05)
    displaced: Floats = (moves @ linear_basis()).reshape(-1, 3)
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
    follow = lip_followers()
    displaced[:, 1] += follow[0] @ (-0.35 * change) + follow[1] @ (0.65 * change)
    fall, chin = float(displaced[14, 1]) * MILLIMETRES, float(displaced[152, 1]) * MILLIMETRES
    jaw = max(0.0, min(1.5 * chin + 0.3 * max(fall - 7, 0), 0.95 * fall) + 0.25 * head.gap)
    return displaced, target, jaw


def seam(head: HeadGeometry, target: float) -> float:
    """Millimetres that an opening smaller than the source's shows too much of: its rim is half teeth."""
    parted = smoothstep(head.gap, SHUT_GAP, 3 * SHUT_GAP) * max(0.0, 1 - target / max(head.gap, SHUT_GAP))
    return MIXED_RIM / head.millimetre * parted


@lru_cache(maxsize=1)
def linear_basis() -> Floats:
    """(14, 478 · 3) template units of displacement for a millimetre of each of LINEAR."""
    return np.asarray(default_template().basis, np.float32).reshape(len(LINEAR), -1)


@lru_cache(maxsize=1)
def lip_followers() -> tuple[Floats, Floats]:
    """(478, 11) twice: how far each point follows each upper, and each lower, inner lip point."""
    shape = default_template().shape[:, :2] * MILLIMETRES
    both = []
    seam = (shape[list(UPPER_INNER), 1] + shape[list(LOWER_INNER), 1]) / 2
    across = shape[list(UPPER_INNER), 0]
    line = np.interp(shape[:, 0], across, seam)
    for chain, sign in ((UPPER_INNER, -1), (LOWER_INNER, 1)):
        lips = shape[list(chain)]
        near = np.exp(-(((shape[:, None, 0] - lips[None, :, 0]) / 3.5) ** 2))
        near /= np.maximum(near.sum(1, keepdims=True), 0.5)
        far = sign * (shape[:, 1] - line)
        below = np.where(far > 0, np.exp(-((np.maximum(far - 1.5, 0) / LIP_REACH) ** 2)), 0)
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
