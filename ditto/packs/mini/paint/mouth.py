"""Draws a mouth over a moved face: the source's own while that will do, else teeth, tongue and cavity."""

from __future__ import annotations

import cv2
import numpy as np

from ditto.arrays import Floats, Image
from ditto.packs.mini.curves import Box
from ditto.packs.mini.paint.paint_kernels import paint_mouth
from ditto.packs.mini.paint.shapes import blurred, covered, draw_slit
from ditto.packs.mini.paint.teeth import mouth_parts
from ditto.packs.mini.placing.record import OwnMouth, PlacedMouth
from ditto.packs.mini.source.appearance import MiniAppearance

TEETH_EDGE = 1.6  # millimetres the upper teeth end below the resting seam
BESIDE_OWN_LOSS = 0.55  # of their own colour that drawn teeth lose where a source shows its mouth open
LIGHT_DROP = 0.8  # millimetres that the light in a mouth lies below its opening


def draw_mouth(out: Image, mouth: PlacedMouth, look: MiniAppearance) -> None:
    """Draws the shadow of the seam, and teeth, tongue and cavity into the open mouth."""
    draw_slit(out, mouth.seam, look.head.box)
    opening, mm = mouth.opening, look.head.millimetre
    if opening is None:
        return
    box = opening.box
    cover = covered(opening.contour, box, max(0.7, 0.35 * mm), opening.share)
    lit = lowered(blurred(cover, max(1.0, 1.1 * mm)), round(LIGHT_DROP * mm))
    colours = opening.colours
    if opening.own is None:
        own, own_cover = np.zeros((*cover.shape, 3), np.uint8), np.zeros(cover.shape, np.float32)
    else:
        own, own_cover = drawn_own(look, opening.own, box, opening.seam)
        if own_cover.size:  # beside the source's own teeth drawn ones would be a second row
            colours = colours.copy()
            colours[:2] += (colours[3] - colours[:2]) * (BESIDE_OWN_LOSS * float(own_cover.max()))
    paint_mouth(
        out, cover, np.ascontiguousarray(lit), box[:2], opening.seam, opening.to_mm, colours,
        mouth_parts(round(1 / mm, 1)), opening.jaw, opening.gap, TEETH_EDGE, own, own_cover,
    )  # fmt: skip


def lowered(plane: Floats, rows: int) -> Floats:
    """The plane so many rows lower, nothing above."""
    if not rows:
        return plane
    if rows >= len(plane):
        return np.zeros_like(plane)
    return np.vstack([np.zeros_like(plane[:rows]), plane[:-rows]])


def drawn_own(look: MiniAppearance, own: OwnMouth, box: Box, seam: Floats) -> tuple[Image, Floats]:
    """The source's own open mouth in a box, and how far it is used there."""
    x0, y0, x1, y1 = box
    grid = np.stack(np.meshgrid(np.arange(x0, x1), np.arange(y0, y1)), -1).astype(np.float32)
    away = (grid - seam) @ own.back.T
    if own.drawn_out is not None:
        above, shrunk, was = own.drawn_out
        along = (away @ own.down)[..., None]
        away += ((along - above) * shrunk + was - along) * own.down
    where = (away + own.before).astype(np.float32)
    details = look.mouth
    inside = where - np.array(details.own_corner, np.float32)
    cover = cv2.remap(details.own_mouth, inside[..., 0], inside[..., 1], cv2.INTER_LINEAR)
    picture = cv2.remap(
        look.image, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    shaded = cv2.multiply(np.asarray(picture, np.uint8), own.light)
    return np.asarray(shaded, np.uint8), np.asarray(cover * np.float32(own.share), np.float32)
