"""Colours of the foreground alone, where a pixel shows some of what is behind it.

Three ways, by what is known: `unmixed` where the background is, `estimated` where the alpha is true, and
`carried` where neither is (docs/decisions/foreground_colours.md).
"""

from __future__ import annotations

import cv2
import numpy as np

from ditto.arrays import Floats, Image
from ditto.picture.cutout.inpainting import fill
from ditto.picture.cutout.sizes import reduced

CARRIED_AT = 320  # pixels of the longer side that colours are carried outwards, or estimated, at
RADII = (
    0.2,
    0.09,
    0.04,
    0.02,
    0.01,
)  # of that side: windows that both sides' colours are averaged over, in turn
FALL_BACK = 1e-3  # weight of the mean of a whole side in a window, which counts where nothing of it is near
PURE = (0.75, 0.985)  # of the alpha: below, a pixel's own colour does not count; above, it alone does
FAINTEST = 0.3  # share of a pixel that must be foreground to tell its colour


def carried(picture: Image, alpha: Floats) -> Image:
    """The picture with the person's own colours carried over their edges, and nothing of what was behind.

    For an alpha that may be wrong: what it takes too much of looks like the person.
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


def estimated(picture: Image, alpha: Floats) -> Image:
    """The picture with the person's own colours wherever the alpha sees any of them.

    For an alpha that is true. What is in front and behind is told apart by the means of ever smaller windows
    (as by Forte, "Approximate fast foreground colour estimation", 2021, with more of them).
    """
    size, _ = reduced(alpha.shape, CARRIED_AT)
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)
    front = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.float32)
    own, other = small, small
    for radius in RADII:
        side = max(3, round(radius * max(size))) | 1
        own, other = told_apart(small, front, averaged(own, front, side), averaged(other, 1 - front, side))
    whole = (alpha.shape[1], alpha.shape[0])
    wide_own, wide_other = (
        np.asarray(cv2.resize(plane, whole, interpolation=cv2.INTER_LINEAR), np.float32)
        for plane in (own, other)
    )
    found, _ = told_apart(picture.astype(np.float32), alpha, wide_own, wide_other)
    return np.asarray(np.rint(np.clip(found, 0, 255)), np.uint8)


def averaged(colours: Floats, weight: Floats, side: int) -> Floats:
    """(h, w, 3) weighted means of windows; that of all where a window holds nothing."""
    weighted = colours * weight[..., None]
    usual = weighted.mean((0, 1)) / max(float(weight.mean()), FALL_BACK)
    total, count = cv2.blur(weighted, (side, side)), cv2.blur(weight, (side, side))
    return np.asarray((total + FALL_BACK * usual) / (count + FALL_BACK)[..., None], np.float32)


def told_apart(picture: Floats, alpha: Floats, own: Floats, other: Floats) -> tuple[Floats, Floats]:
    """The colours in front and behind nearest to those given, that together make the picture."""
    rest = picture - cv2.blendLinear(own, other, alpha, 1 - alpha)
    return own + rest * alpha[..., None], other + rest * (1 - alpha)[..., None]


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
