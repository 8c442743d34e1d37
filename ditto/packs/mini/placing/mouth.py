"""Placing of a mouth: the seam of the lips, and what is seen between them."""

from __future__ import annotations

import numpy as np

from ditto.arrays import Floats
from ditto.faces.topology import LOWER_INNER, MILLIMETRES, UPPER_INNER
from ditto.packs.mini.curves import around, closed_contour, curve, inverse
from ditto.packs.mini.placing.expression import Expression
from ditto.packs.mini.placing.head import MovedHead
from ditto.packs.mini.placing.record import MIN_SLIT, OwnMouth, PlacedMouth, PlacedOpening, Slit
from ditto.packs.mini.placing.rims import closing
from ditto.packs.mini.source.appearance import MiniAppearance
from ditto.smoothstep import smoothstep

SEAM_WIDTH = 0.8  # millimetres of the shadow where lips meet that the source shows apart
SEAM_LIGHT = 0.72  # of the lips' light in it
CLOSED_LIGHT_LOSS = (0.4, 0.55, 0.55)  # of the light on a source's own teeth when lips close: r, g, b
TEETH_LIGHT_LOSS = 0.18  # of their light that teeth lose behind lips that are hardly apart
LIT_GAP = (1.0, 12.0)  # millimetres between lips over which they come out of that shade
MIN_GAP, OPEN_GAP = 0.35, 1.0  # millimetres over which what is inside appears
MIN_OPENING = 0.7  # pixels between the lips, below which nothing of it is seen
MAX_STRETCH = 2.0  # times its height to which a source's own mouth is drawn out
MIN_OWN_SHARE = 0.01  # of it, below which nobody sees it
MIDDLE = [13, 14]  # mesh points of the upper and the lower inner lip


def placed_mouth(look: MiniAppearance, expression: Expression, moved: MovedHead) -> PlacedMouth:
    """The mouth of one frame."""
    head, gap = look.head, expression.gap
    upper = curve(moved.vertices[list(UPPER_INNER)])
    lower = curve(moved.vertices[list(LOWER_INNER)])
    thick = max(SEAM_WIDTH * head.millimetre, MIN_SLIT * head.step)
    seam = Slit(upper, lower, thick, SEAM_LIGHT * look.mouth.colours[5], 0.8 * closing(head, gap))
    if gap < MIN_GAP or float((lower[:, 1] - upper[:, 1]).max()) < MIN_OPENING:
        return PlacedMouth(seam, None)
    contour = closed_contour(upper, lower)
    box = around(contour, head.box, 2 + head.millimetre)
    if box is None:
        return PlacedMouth(seam, None)
    middle = moved.rigid[MIDDLE, :2].mean(0)
    skull = moved.turn @ head.turn
    colours = look.mouth.colours.copy()
    colours[:2] *= 1 - TEETH_LIGHT_LOSS * (1 - smoothstep(gap, *LIT_GAP))
    opening = PlacedOpening(
        box=box,
        contour=contour,
        share=smoothstep(gap, MIN_GAP, OPEN_GAP),
        seam=middle.astype(np.float32),
        to_mm=inverse(skull[:2, :2] * head.scale / MILLIMETRES),
        colours=colours,
        gap=gap,
        jaw=expression.jaw,
        own=own_mouth(look, gap, moved, middle),
    )
    return PlacedMouth(seam, opening)


def own_mouth(look: MiniAppearance, gap: float, moved: MovedHead, seam: Floats) -> OwnMouth | None:
    """The source's own mouth, used while the gap is not far wider; None of one that was shut."""
    head = look.head
    wider = gap / max(head.gap, 0.5)
    share = 1 - smoothstep(wider, *((1.6, 2.6) if head.gap > 6 else (1.25, 2.2)))
    if not look.mouth.own_mouth.size or share < MIN_OWN_SHARE:
        return None
    back = inverse(moved.turn[:2, :2])
    before = head.points[MIDDLE, :2].mean(0)
    down = np.asarray(head.turn[:2, 1] / np.linalg.norm(head.turn[:2, 1]), np.float32)
    now = (moved.vertices[MIDDLE] - seam) @ back.T @ down
    was = (head.points[MIDDLE, :2] - before) @ down
    above, below = min(now[0], was[0]), max(now[1], was[1])
    drawn_out = None
    if below - above > was[1] - was[0]:  # to lips that have gone away from it
        drawn_out = (above, max((was[1] - was[0]) / (below - above), 1 / MAX_STRETCH), was[0])
    light = 1 - np.array([*CLOSED_LIGHT_LOSS, 0.0]) * closing(head, gap)
    return OwnMouth(share, back, before, down, drawn_out, light)
