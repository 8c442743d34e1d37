"""Colours of the inside of a portrait's mouth, and the mouth that it shows itself."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ditto.arrays import Floats, Image
from ditto.faces.topology import LOWER_INNER, UPPER_INNER
from ditto.packs.mini.curves import around, closed_contour, curve
from ditto.packs.mini.paint.shapes import blurred
from ditto.packs.mini.source.geometry import SHUT_GAP, HeadGeometry
from ditto.packs.mini.source.mouth_colours import colours_of

NOTHING = np.zeros((0, 0), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class MouthDetails:
    """Colours and textures painted into the mouth of one source frame."""

    colours: Floats  # (6, 3) teeth, gums, tongue, shallow and deep cavity, lip
    own_mouth: Floats  # (h, w) 0..1 the source's mouth opening; empty if it is shut
    own_corner: tuple[int, int]  # x, y of its first pixel in the picture


def mouth_details(picture: Image, head: HeadGeometry) -> MouthDetails:
    """Those of a whole picture."""
    points = head.points[:, :2]
    own, corner = own_mouth(head) if head.gap > SHUT_GAP else (NOTHING, (0, 0))
    # masks as large as the face, not as the picture
    room = float(np.ptp(points[:, 0])) * 0.05 + 2
    left, top = np.maximum(points.min(0) - room, 0).astype(int)
    right, bottom = np.maximum(points.max(0) + room, 1).astype(int)
    colours = colours_of(picture[top:bottom, left:right], points - np.array([left, top], np.float32))
    return MouthDetails(colours, own, corner)


def own_mouth(head: HeadGeometry) -> tuple[Floats, tuple[int, int]]:
    """(h, w) 0..1 an open mouth a millimetre within its rim, and x, y of its first pixel."""
    points = head.points[:, :2]
    contour = closed_contour(curve(points[list(UPPER_INNER)]), curve(points[list(LOWER_INNER)]))
    shrink = max(1, round(head.millimetre))
    box = around(contour, head.box, 2 * shrink)
    if box is None:
        return NOTHING, (0, 0)
    mask = np.zeros((box[3] - box[1], box[2] - box[0]), np.uint8)
    cv2.fillPoly(mask, [np.round((contour - box[:2]) * 256).astype(np.int32)], 255, cv2.LINE_AA, 8)
    inner = cv2.erode(mask, np.ones((2 * shrink + 1, 2 * shrink + 1), np.uint8))
    return blurred(np.asarray(inner, np.uint8), shrink * 0.8, 1 / 255), (box[0], box[1])
