"""Sizes and shapes that masks are computed with: smaller copies, kernels, distances."""

from __future__ import annotations

import cv2
import numpy as np

from ditto.arrays import Floats, Image


def reduced(shape: tuple[int, ...], longest: int) -> tuple[tuple[int, int], float]:
    """(width, height) of a copy at most `longest` pixels a side, and what that is of the picture's size."""
    height, width = shape[:2]
    share = min(1.0, longest / max(height, width))
    return (max(4, round(width * share)), max(4, round(height * share))), share


def enlarged(plane: Floats, size: tuple[int, int]) -> Floats:
    """(height, width) of a plane brought to (width, height) `size`."""
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR), np.float32)


def round_of(size: float) -> Image:
    """A round kernel of about so many pixels."""
    odd = max(3, round(size)) | 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (odd, odd)), np.uint8)


def around(reach: float) -> Image:
    """A square kernel that reaches about so many pixels."""
    return np.ones((2 * max(1, round(reach)) + 1,) * 2, np.uint8)


def from_edge(inside: Image, millimetre: float) -> Floats:
    """(h, w) millimetres from each pixel inside to the nearest that is not; far where there is none."""
    pixels = np.minimum(cv2.distanceTransform(inside, cv2.DIST_L2, 5), np.float32(sum(inside.shape)))
    return np.asarray(pixels / np.float32(millimetre), np.float32)
