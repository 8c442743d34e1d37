"""Inpainting: a picture's hidden part, filled in from around it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats, Image


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
