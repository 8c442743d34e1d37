"""Colours of the foreground alone, where a pixel shows some of what is behind it."""

from __future__ import annotations

import cv2
import numpy as np

from ditto.arrays import Floats, Image
from ditto.picture.cutout.inpainting import fill
from ditto.picture.cutout.sizes import reduced

CARRIED_AT = 320  # pixels of the longer side that colours are carried outwards at
PURE = (0.75, 0.985)  # of the alpha: below, a pixel's own colour does not count; above, it alone does
FAINTEST = 0.3  # share of a pixel that must be foreground to tell its colour


def carried(picture: Image, alpha: Floats) -> Image:
    """The picture with the person's own colours carried over their edges, and nothing of what was behind.

    For a background that is not known.
    """
    height, width = alpha.shape
    size, _ = reduced(alpha.shape, CARRIED_AT)
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    inside = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.float32)
    hidden = cv2.dilate((inside < PURE[1]).astype(np.uint8), np.ones((3, 3), np.uint8))
    grown = fill(small, np.asarray(hidden, np.uint8))
    outwards = np.asarray(cv2.resize(grown, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    own = np.clip((alpha - PURE[0]) / (PURE[1] - PURE[0]), 0, 1).astype(np.float32)
    mixed = cv2.blendLinear(picture.astype(np.float32), outwards, own, 1 - own)
    return np.asarray(np.rint(mixed), np.uint8)


def unmixed(picture: Image, plate: Image, alpha: Floats, calm: Floats) -> Image:
    """(H, W, 3) the foreground's own colours at its edge, as far as what shines through is known.

    None is beyond what is seen close by: a wrong share would make it glare.
    """
    colours: Image = picture.copy()
    edge = (alpha > 0) & (alpha < 1)
    around = np.ones((5, 5), np.uint8)
    lowest, highest = cv2.erode(picture, around)[edge], cv2.dilate(picture, around)[edge]
    share, known = alpha[edge][:, None], calm[edge][:, None]
    mixed, through = picture[edge].astype(np.float32), plate[edge].astype(np.float32)
    own = np.clip(through + (mixed - through) / np.maximum(share, FAINTEST), lowest, highest)
    colours[edge] = np.rint(mixed + (own - mixed) * known)
    return colours
