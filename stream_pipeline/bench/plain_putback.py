"""A painted face put back plainly, over the whole frame."""

from __future__ import annotations

import cv2
import numpy as np

from ditto.arrays import Floats, Image


def plain_putback(picture: Image, face: Floats, mask: Floats, to_frame: Floats) -> Image:
    """Mask and face moved over the whole frame, and the whole frame blended in floating point."""
    size = (picture.shape[1], picture.shape[0])
    matrix = to_frame[:2].astype(np.float64)
    cover = np.asarray(cv2.warpAffine(mask, matrix, size))[..., None]
    painted = cv2.warpAffine(face, matrix, size)
    blended = cover * painted + (1 - cover) * picture
    return np.asarray(np.clip(blended, 0, 255), np.uint8)
