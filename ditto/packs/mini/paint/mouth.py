"""The inside of a mouth: the source's own while that will do, else teeth, tongue and cavity."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ditto.arrays import Floats, Image
from ditto.faces.topology import LOWER_INNER, MILLIMETRES, UPPER_INNER
from ditto.packs.mini.background.layers import Layers
from ditto.packs.mini.paint.paint_kernels import paint_mouth
from ditto.packs.mini.paint.shapes import (
    COVERING,
    Box,
    around,
    blurred,
    covered,
    curve,
    draw_slit,
    inverse,
    outline,
)
from ditto.packs.mini.paint.teeth import mouth_parts
from ditto.packs.mini.paint.tones import colours_of
from ditto.packs.mini.paint.warper import Moved, closing
from ditto.packs.mini.smoothstep import smoothstep
from ditto.packs.mini.source.appearance import SHUT_GAP, MiniAppearance

EDGE = 1.6  # millimetres the upper teeth end below the resting seam
SEAM = 0.8  # millimetres of the shadow where lips meet that the source shows apart
DARK = 0.72  # of the lips' light in it
SHADED = (0.4, 0.55, 0.55)  # of the light on a source's own teeth that lips keep out when they close: r, g, b
BESIDE = 0.55  # of their own colour that drawn teeth lose where a source shows its mouth open
IN_SHADE = 0.18  # of their light that teeth lose behind lips that are hardly apart
APART = (1.0, 12.0)  # millimetres between lips over which they come out of that shade
LONGEST = 2.0  # times its height to which a source's own mouth is drawn out


@dataclass(frozen=True, slots=True, eq=False)
class Details:
    """What is painted over one source frame's moved skin."""

    appearance: MiniAppearance
    colours: Floats  # (6, 3) teeth, gums, tongue, shallow and deep cavity, lip
    own_mouth: Floats  # (h, w) 0..1 the source's mouth opening; empty if it is shut
    own_corner: tuple[int, int]  # x, y of its first pixel in the picture


def details_of(layers: Layers) -> Details:
    look = layers.appearance
    points = look.points[:, :2]
    own, corner = np.zeros((0, 0), np.float32), (0, 0)
    if look.gap > SHUT_GAP:
        contour = outline(curve(points[list(UPPER_INNER)]), curve(points[list(LOWER_INNER)]))
        shrink = max(1, round(look.millimetre))
        box = around(contour, look.box, 2 * shrink)
        if box is not None:
            mask = np.zeros((box[3] - box[1], box[2] - box[0]), np.uint8)
            cv2.fillPoly(mask, [np.round((contour - box[:2]) * 256).astype(np.int32)], 255, cv2.LINE_AA, 8)
            inner = cv2.erode(mask, np.ones((2 * shrink + 1, 2 * shrink + 1), np.uint8))
            own = blurred(np.asarray(inner, np.uint8), shrink * 0.8, 1 / 255)
            corner = (box[0], box[1])
    # masks as large as the face, not as the picture
    room = float(np.ptp(points[:, 0])) * 0.05 + 2
    left, top = np.maximum(points.min(0) - room, 0).astype(int)
    right, bottom = np.maximum(points.max(0) + room, 1).astype(int)
    colours = colours_of(layers.image[top:bottom, left:right], points - np.array([left, top], np.float32))
    return Details(look, colours, own, corner)


def mouth(out: Image, details: Details, moved: Moved) -> None:
    """Paints teeth, tongue and cavity into the open mouth."""
    look = details.appearance
    upper = curve(moved.placed[list(UPPER_INNER)])
    lower = curve(moved.placed[list(LOWER_INNER)])
    mm = look.millimetre
    thick = max(SEAM * mm, COVERING * moved.map.step)
    shadow, amount = DARK * details.colours[5], 0.8 * closing(look, moved.gap)
    draw_slit(out, upper, lower, thick, shadow, amount, look.box)
    if moved.gap < 0.35 or float((lower[:, 1] - upper[:, 1]).max()) < 0.7:
        return
    contour = outline(upper, lower)
    box = around(contour, look.box, 2 + mm)
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
    skull = moved.turn @ look.turn
    to_mm = inverse(skull[:2, :2] * look.scale / MILLIMETRES)
    own, own_cover = own_mouth(details, moved, box, seam)
    colours = details.colours.copy()
    colours[:2] *= 1 - IN_SHADE * (1 - smoothstep(moved.gap, *APART))
    if own_cover.size:  # beside the source's own teeth drawn ones would be a second row
        colours[:2] += (colours[3] - colours[:2]) * (BESIDE * float(own_cover.max()))
    paint_mouth(
        out, cover, np.ascontiguousarray(lit), (x0, y0), seam.astype(np.float32), to_mm, colours,
        mouth_parts(round(1 / mm, 1)), moved.jaw, moved.gap, EDGE, own, own_cover,
    )  # fmt: skip


def own_mouth(details: Details, moved: Moved, box: Box, seam: Floats) -> tuple[Image, Floats]:
    """The source's own open mouth in a box, and how far it is used there."""
    x0, y0, x1, y1 = box
    size = (y1 - y0, x1 - x0)
    look = details.appearance
    wider = moved.gap / max(look.gap, 0.5)
    share = 1 - smoothstep(wider, *((1.6, 2.6) if look.gap > 6 else (1.25, 2.2)))
    if not details.own_mouth.size or share < 0.01:
        return np.zeros((*size, 3), np.uint8), np.zeros(size, np.float32)
    back = inverse(moved.turn[:2, :2])
    before = look.points[[13, 14], :2].mean(0)
    grid = np.stack(np.meshgrid(np.arange(x0, x1), np.arange(y0, y1)), -1).astype(np.float32)
    away = (grid - seam) @ back.T
    down = np.asarray(look.turn[:2, 1] / np.linalg.norm(look.turn[:2, 1]), np.float32)
    now = (moved.placed[[13, 14]] - seam) @ back.T @ down
    was = (look.points[[13, 14], :2] - before) @ down
    above, below = min(now[0], was[0]), max(now[1], was[1])
    if below - above > was[1] - was[0]:  # drawn out to lips that have gone away from it
        along = (away @ down)[..., None]
        shrunk = max((was[1] - was[0]) / (below - above), 1 / LONGEST)
        away += ((along - above) * shrunk + was[0] - along) * down
    where = (away + before).astype(np.float32)
    inside = where - np.array(details.own_corner, np.float32)
    cover = cv2.remap(details.own_mouth, inside[..., 0], inside[..., 1], cv2.INTER_LINEAR)
    picture = cv2.remap(
        moved.layers.image, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    light = 1 - np.array([*SHADED, 0.0]) * closing(look, moved.gap)
    shaded = cv2.multiply(np.asarray(picture, np.uint8), light)
    return np.asarray(shaded, np.uint8), np.asarray(cover * np.float32(share), np.float32)
