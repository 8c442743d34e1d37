"""Placing of eyes: where a ball lies between its lids, and a lid that falls over it."""

from __future__ import annotations

import numpy as np

from ditto.arrays import Floats
from ditto.faces.topology import EYES
from ditto.packs.mini.curves import arch, around, closed_contour, curve, inverse
from ditto.packs.mini.placing.expression import Expression
from ditto.packs.mini.placing.head import MovedHead
from ditto.packs.mini.placing.record import MIN_SLIT, LayerPlace, PlacedEye, PlacedLid, Slit
from ditto.packs.mini.source.appearance import MiniAppearance
from ditto.packs.mini.source.eye_layer import MIN_LASHES, EyeLayer
from ditto.packs.mini.source.geometry import HeadGeometry
from ditto.smoothstep import clamped, smoothstep

MIN_SHARE = 0.02  # of a ball, below which nobody sees it
PAINTED_LID = (0.3, 0.65)  # of an eye closed: from where to where its lid is painted, not drawn out
LASH_LINE = (0.035, 0.35)  # of its width a shut lid's line is thick, and of its lashes beyond the least
LID_OVERLAP = 0.08  # of its width that a shut lid reaches beyond the line where the mesh has lids meet
OPENING_OVERLAP = 0.27  # and of its opening: the lower rim of a wide eye lies farther from that line
CORNER_OVERLAP = 0.06  # and beyond the outer corner


def placed_eye(
    look: MiniAppearance, number: int, expression: Expression, moved: MovedHead
) -> PlacedEye | None:
    """One of the two eyes; None where it neither looks nor closes, or is not to be seen."""
    closed, gaze = expression.blink[number], expression.gaze[number]
    if not closed and not gaze.any():
        return None
    layer, head, eye = look.eyes[number], look.head, EYES[number]
    if layer is None:
        return None
    share = clamped(abs(closed) * 12 + float(np.abs(gaze).max()) / layer.width * 25, 0.0, 1.0)
    if share < MIN_SHARE:
        return None
    upper, lower = curve(moved.vertices[list(eye.upper)]), curve(moved.vertices[list(eye.lower)])
    contour = closed_contour(upper, lower)
    box = around(contour, head.box, 3)
    if box is None:
        return None
    tall = float(np.abs(upper[:, 1] - lower[:, 1]).max())
    fallen = smoothstep(closed, *PAINTED_LID)
    soft = max(0.6, layer.width * 0.012)
    lids = list(eye.upper + eye.lower)
    place = LayerPlace(
        after=moved.rigid[lids, :2].mean(0).astype(np.float32),
        before=(head.points[lids, :2].mean(0) - layer.corner).astype(np.float32),
        back=inverse(moved.turn[:2, :2]),
        pupil=(layer.pupil - layer.corner).astype(np.float32),
    )
    return PlacedEye(
        lashes=meeting_lashes(layer, upper, lower, tall, 1 - fallen),
        box=box,
        contour=contour,
        tall=tall,
        soft=soft,
        share=clamped((tall - soft) / (2.5 * soft), 0.0, 1.0) * share,
        place=place,
        gaze=gaze,
        shade=clamped(closed * 2, 0.0, 1.0),
        lid=placed_lid(head, number, layer, moved, closed, upper) if fallen > 0 else None,
    )


def placed_lid(
    head: HeadGeometry, number: int, layer: EyeLayer, moved: MovedHead, closed: float, upper: Floats
) -> PlacedLid | None:
    """Skin down to the rim of a falling lid, and the lashes along it.

    The little skin that the source shows above an open eye would be drawn out to streaks.
    """
    fallen = smoothstep(closed, *PAINTED_LID)
    width = max(float(np.hypot(*(upper[-1] - upper[0]))), 1e-3)
    down = moved.turn[:2, :2] @ head.turn[:2, 1] * np.float32(width)
    bell = arch(len(upper))[:, None] * down
    top = curve(moved.rigid[list(EYES[number].upper), :2]) - layer.lashes * bell
    overlap = max(LID_OVERLAP, OPENING_OVERLAP * head.eyes_open[number])
    rim = upper + overlap * smoothstep(closed, 0.7, 1.0) * bell
    top[0] = rim[0] = upper[0] + CORNER_OVERLAP * (upper[0] - upper[-1])
    box = around(np.concatenate([top, rim]), head.box, 0.15 * width + 2)
    if box is None:
        return None
    thick = max((LASH_LINE[0] + LASH_LINE[1] * (layer.lashes - MIN_LASHES)) * width, MIN_SLIT * head.step)
    return PlacedLid(
        box=box,
        below_top=closed_contour(top, rim + 0.3 * down),
        above_rim=closed_contour(top - 0.3 * down, rim),
        width=width,
        fallen=fallen,
        line=Slit(upper, upper, thick, layer.lash, 0.9 * fallen),
    )


def meeting_lashes(layer: EyeLayer, upper: Floats, lower: Floats, tall: float, share: float) -> Slit:
    """A dark line where the lids meet, darker the nearer they are."""
    amount = 0.7 * share * (1 - smoothstep(tall, 0.015 * layer.width, 0.165 * layer.width))
    line = 0.35 * upper + 0.65 * lower
    return Slit(line, line, 0.035 * layer.width, layer.lash, amount)
