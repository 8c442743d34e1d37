"""The inside of a mouth: the source's own while that will do, else teeth, tongue and cavity."""

from __future__ import annotations

import cv2
import numpy as np

from ditto.arrays import Floats, Image
from ditto.faces.topology import LOWER_INNER, MILLIMETRES, UPPER_INNER
from ditto.packs.mini.curves import Box, around, curve, inverse, outline
from ditto.packs.mini.paint.paint_kernels import paint_mouth
from ditto.packs.mini.paint.shapes import COVERING, blurred, covered, draw_slit
from ditto.packs.mini.paint.teeth import mouth_parts
from ditto.packs.mini.paint.warper import Moved, closing
from ditto.packs.mini.smoothstep import smoothstep
from ditto.packs.mini.source.appearance import MiniAppearance

EDGE = 1.6  # millimetres the upper teeth end below the resting seam
SEAM = 0.8  # millimetres of the shadow where lips meet that the source shows apart
DARK = 0.72  # of the lips' light in it
SHADED = (0.4, 0.55, 0.55)  # of the light on a source's own teeth that lips keep out when they close: r, g, b
BESIDE = 0.55  # of their own colour that drawn teeth lose where a source shows its mouth open
IN_SHADE = 0.18  # of their light that teeth lose behind lips that are hardly apart
APART = (1.0, 12.0)  # millimetres between lips over which they come out of that shade
LONGEST = 2.0  # times its height to which a source's own mouth is drawn out


def mouth(out: Image, look: MiniAppearance, moved: Moved) -> None:
    """Paints teeth, tongue and cavity into the open mouth."""
    head, details = look.head, look.mouth
    upper = curve(moved.placed[list(UPPER_INNER)])
    lower = curve(moved.placed[list(LOWER_INNER)])
    mm = head.millimetre
    thick = max(SEAM * mm, COVERING * moved.map.step)
    shadow, amount = DARK * details.colours[5], 0.8 * closing(head, moved.gap)
    draw_slit(out, upper, lower, thick, shadow, amount, head.box)
    if moved.gap < 0.35 or float((lower[:, 1] - upper[:, 1]).max()) < 0.7:
        return
    contour = outline(upper, lower)
    box = around(contour, head.box, 2 + mm)
    if box is None:
        return
    x0, y0 = box[:2]
    appear = smoothstep(moved.gap, 0.35, 1.0)
    cover = covered(contour, box, max(0.7, 0.35 * mm), appear)
    lit = blurred(cover, max(1.0, 1.1 * mm))
    drop = round(0.8 * mm)
    if drop:
        lit = np.vstack([np.zeros_like(lit[:drop]), lit[:-drop]]) if drop < len(lit) else np.zeros_like(lit)
    seam = moved.rigid[[13, 14], :2].mean(0)
    skull = moved.turn @ head.turn
    to_mm = inverse(skull[:2, :2] * head.scale / MILLIMETRES)
    own, own_cover = own_mouth(look, moved, box, seam)
    colours = details.colours.copy()
    colours[:2] *= 1 - IN_SHADE * (1 - smoothstep(moved.gap, *APART))
    if own_cover.size:  # beside the source's own teeth drawn ones would be a second row
        colours[:2] += (colours[3] - colours[:2]) * (BESIDE * float(own_cover.max()))
    paint_mouth(
        out, cover, np.ascontiguousarray(lit), (x0, y0), seam.astype(np.float32), to_mm, colours,
        mouth_parts(round(1 / mm, 1)), moved.jaw, moved.gap, EDGE, own, own_cover,
    )  # fmt: skip


def own_mouth(look: MiniAppearance, moved: Moved, box: Box, seam: Floats) -> tuple[Image, Floats]:
    """The source's own open mouth in a box, and how far it is used there."""
    x0, y0, x1, y1 = box
    size = (y1 - y0, x1 - x0)
    head, details = look.head, look.mouth
    wider = moved.gap / max(head.gap, 0.5)
    share = 1 - smoothstep(wider, *((1.6, 2.6) if head.gap > 6 else (1.25, 2.2)))
    if not details.own_mouth.size or share < 0.01:
        return np.zeros((*size, 3), np.uint8), np.zeros(size, np.float32)
    back = inverse(moved.turn[:2, :2])
    before = head.points[[13, 14], :2].mean(0)
    grid = np.stack(np.meshgrid(np.arange(x0, x1), np.arange(y0, y1)), -1).astype(np.float32)
    away = (grid - seam) @ back.T
    down = np.asarray(head.turn[:2, 1] / np.linalg.norm(head.turn[:2, 1]), np.float32)
    now = (moved.placed[[13, 14]] - seam) @ back.T @ down
    was = (head.points[[13, 14], :2] - before) @ down
    above, below = min(now[0], was[0]), max(now[1], was[1])
    if below - above > was[1] - was[0]:  # drawn out to lips that have gone away from it
        along = (away @ down)[..., None]
        shrunk = max((was[1] - was[0]) / (below - above), 1 / LONGEST)
        away += ((along - above) * shrunk + was[0] - along) * down
    where = (away + before).astype(np.float32)
    inside = where - np.array(details.own_corner, np.float32)
    cover = cv2.remap(details.own_mouth, inside[..., 0], inside[..., 1], cv2.INTER_LINEAR)
    picture = cv2.remap(
        look.image, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    light = 1 - np.array([*SHADED, 0.0]) * closing(head, moved.gap)
    shaded = cv2.multiply(np.asarray(picture, np.uint8), light)
    return np.asarray(shaded, np.uint8), np.asarray(cover * np.float32(share), np.float32)
