"""Alphas refined: the rough edge of a mask moved to where the picture's colours change."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from ditto.arrays import Floats, Image, Numbers
from ditto.picture.cutout.sizes import enlarged, reduced, round_of

FINEST = 512  # pixels of the longer side the edge is fitted to the picture at
SHARPENED = (0.34, 0.86)  # of the fitted mask: what is below is nothing, above is whole
FITTED = 1e-4  # variance of colours below which an edge is not looked for
UNSURE = (0.1, 0.9)  # of the mask: below, and farther than BAND from it, nothing is foreground; above, all is
BAND = 3.0  # millimetres


def fitted_to(picture: Image, mask: Floats) -> Floats:
    """The mask with its edge moved to where the picture's colours change: a guided filter."""
    height, width = mask.shape
    size, _ = reduced(mask.shape, FINEST)
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32) / 255
    rough = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.float32)
    reach = max(2, round(max(size) * 0.014))

    def mean(values: Numbers) -> Floats:
        window = (2 * reach + 1, 2 * reach + 1)
        return np.asarray(cv2.blur(values, window, borderType=cv2.BORDER_REFLECT), np.float32)

    colour, share = mean(small), mean(rough)
    common = mean(small * rough[..., None]) - colour * share[..., None]
    spread: dict[tuple[int, int], Floats] = {}
    for a, b in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)):
        shared = mean(small[..., a] * small[..., b]) - colour[..., a] * colour[..., b]
        spread[a, b] = np.asarray(shared + np.float32(FITTED * (a == b)), np.float32)
    slope = solved(spread, common)
    offset = share - (slope * colour).sum(axis=2)
    lines = mean(np.dstack([slope, offset]))
    whole = np.asarray(cv2.resize(lines, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    guided = whole[..., 3]
    for channel in range(3):
        guided = guided + whole[..., channel] * (picture[..., channel] / np.float32(255))
    return np.asarray(guided, np.float32)


def solved(matrix: Mapping[tuple[int, int], Floats], right: Floats) -> Floats:
    """(h, w, 3) solutions of symmetric 3 x 3 equations, one a pixel: many times faster than a solver."""
    a, b, c, d, e, f = (matrix[at] for at in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)))
    xx, xy, xz = d * f - e * e, c * e - b * f, b * e - c * d
    yy, yz, zz = a * f - c * c, b * c - a * e, a * d - b * b
    x, y, z = right[..., 0], right[..., 1], right[..., 2]
    found = np.dstack([xx * x + xy * y + xz * z, xy * x + yy * y + yz * z, xz * x + yz * y + zz * z])
    return np.asarray(found / (a * xx + b * xy + c * xz)[..., None], np.float32)


def sharpened(mask: Floats) -> Floats:
    """The mask with a narrower edge."""
    low, high = SHARPENED
    return np.asarray(np.clip((mask - low) / (high - low), 0, 1), np.float32)


def outlined(picture: Image, person: Floats, millimetre: float) -> Floats:
    """(H, W) the smaller (h, w) `person` at the picture's size, its edge where colours change."""
    size = (picture.shape[1], picture.shape[0])
    kernel = round_of(2 * BAND * millimetre)
    within = np.asarray(cv2.dilate((person > UNSURE[0]).astype(np.float32), kernel), np.float32)
    core = np.asarray(cv2.erode((person > UNSURE[1]).astype(np.float32), kernel), np.float32)
    fitted = sharpened(fitted_to(picture, enlarged(person, size)))
    return np.asarray(np.clip(fitted, enlarged(core, size), enlarged(within, size)), np.float32)
