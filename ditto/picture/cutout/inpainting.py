"""Inpainting: a picture's hidden part, filled in from around it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats, Image
from ditto.picture.cutout.sizes import reduced

BEHIND_AT = 256  # pixels of the longer side of what is behind
TRACE = 0.05  # of a person in a pixel, from which it does not show the background


def fill(picture: Image, hidden: Image) -> Floats:
    """(h, w, c) the picture with its hidden part grown over from what is around it."""
    seen = (1 - hidden).astype(np.float32)
    levels: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]] = [
        (picture.astype(np.float32) * seen[..., None], seen)
    ]
    while min(levels[-1][1].shape) > 2:
        finer = levels[-1]
        levels.append((np.asarray(cv2.pyrDown(finer[0])), np.asarray(cv2.pyrDown(finer[1]))))
    colour, weight = levels[-1]
    grown = colour / np.maximum(weight, 1e-3)[..., None]
    for colour, weight in levels[-2::-1]:
        larger = cv2.pyrUp(grown, dstsize=(weight.shape[1], weight.shape[0]))
        known = np.clip(weight * 4, 0, 1)[..., None]
        own = np.where(weight[..., None] > 1e-3, colour / np.maximum(weight, 1e-3)[..., None], 0)
        grown = own * known + larger * (1 - known)
    return np.asarray(np.clip(grown, 0, 255), np.float32)


def without_person(picture: Image, alpha: Floats, longest: int = BEHIND_AT) -> Image:
    """(h, w, 3) the background inpainted behind the person; a small picture."""
    size, _ = reduced(alpha.shape, longest)
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    person = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.float32)
    hidden = cv2.dilate((person > TRACE).astype(np.uint8), np.ones((5, 5), np.uint8))
    if hidden.all():
        return small
    return np.rint(fill(small, np.asarray(hidden, np.uint8))).astype(np.uint8)
