"""Colours of teeth, tongue and mouth cavity, estimated from what a portrait shows."""

from __future__ import annotations

import cv2
import numpy as np

from ditto.arrays import Floats, Image
from ditto.faces.topology import CHEEKS, EYES, LOWER_INNER, LOWER_OUTER
from ditto.packs.mini.curves import closed_contour

LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def colours_of(picture: Image, points: Floats) -> Floats:
    """(6, 3) teeth, gums, tongue, shallow and deep cavity, lip: from the source's skin, lips and eyes."""
    skin = mean_within(picture, [disc(points[p], float(np.ptp(points[:468, 0])) * 0.03) for p in CHEEKS])
    lips = np.vstack([points[list(LOWER_OUTER)], points[list(LOWER_INNER[::-1])]])
    lip = mean_within(picture, [lips])
    light = float(skin @ LUMA)
    chroma = min(1.0, float(np.ptp(skin)) / 40)

    def tint(red: float, green: float, blue: float) -> Floats:
        tone = skin * np.array([red, green, blue], np.float32)
        grey = float(tone @ LUMA)
        return np.asarray((tone - grey) * chroma + grey, np.float32)

    white = brightest_white(picture, points)
    bright = light if white is None else 0.5 * (float(white @ LUMA) + light)
    # teeth are never far brighter than the face they are lit with
    teeth_light = min(light * 1.25 + 8, max(light * 1.12 + 10, bright + 12), 228.0)
    warmth = skin - light
    hue = warmth * 0.30 if white is None else 0.5 * (white - float(white @ LUMA)) + warmth * 0.15
    teeth = np.clip(teeth_light + hue + np.array([3, 1, -6]) * chroma, 0, 255)
    gums = tint(0.78, 0.50, 0.56)
    stacked: list[Floats] = [
        teeth.astype(np.float32),
        gums,
        tint(0.86, 0.64, 0.78),
        tint(0.42, 0.23, 0.30),
        tint(0.51, 0.36, 0.44),
        lip,
    ]
    return np.asarray(np.stack(stacked), np.float32)


def disc(middle: Floats, radius: float) -> Floats:
    turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    return np.asarray(middle + max(2.0, radius) * np.stack([np.cos(turn), np.sin(turn)], 1), np.float32)


def mean_within(picture: Image, contours: list[Floats]) -> Floats:
    """(3,) mean colour; mid-grey where the contours lie outside the picture."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    for contour in contours:
        cv2.fillPoly(mask, [np.rint(contour).astype(np.int32)], 255)
    if not mask.any():
        return np.full(3, 128, np.float32)
    return np.asarray(cv2.mean(picture, mask)[:3], np.float32)


def brightest_white(picture: Image, points: Floats) -> Floats | None:
    """(3,) the brighter third of the whites of the eyes; None where they cannot be seen."""
    found = []
    for eye in EYES:
        mask = np.zeros(picture.shape[:2], np.uint8)
        contour = closed_contour(points[list(eye.upper)], points[list(eye.lower)])
        cv2.fillPoly(mask, [np.rint(contour).astype(np.int32)], 255)
        radius = float(np.linalg.norm(points[eye.iris[1]] - points[eye.iris[0]]))
        x, y = np.rint(points[eye.iris[0]]).astype(int)
        cv2.circle(mask, (int(x), int(y)), int(radius * 1.15) + 1, 0, -1)
        found.append(picture[mask > 0])
    whites = np.concatenate(found).astype(np.float32)
    if len(whites) < 20:
        return None
    return np.asarray(whites[np.argsort(whites.sum(1))[-len(whites) // 3 :]].mean(0), np.float32)
