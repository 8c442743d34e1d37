"""What comes into sight from beyond the edges of a picture, when a head at its edge moves."""

from __future__ import annotations

import cv2
import numpy as np

from ditto.messages import Image
from ditto.mini.register import MiniAppearance

CROWN = 90.0  # millimetres: the radius of a head's top, hair included
DRAWN_OUT = 2  # times the size that colours have within the picture: less seems a mirror


def continued(box: Image, look: MiniAppearance) -> Image:
    """(H, W, 4) the wide box of a picture whose (h, w, 4) moving box is known.

    Colours are mirrored and drawn out. What is foreground at the edge goes on; at the upper one it is a
    head that is cut off, and ends in an arc.
    """
    (left, top, right, bottom), wide = look.box, look.wide_box
    above, below, before, behind = top - wide[1], wide[3] - bottom, left - wide[0], wide[2] - right
    if not (above or below or before or behind):
        return box
    upright = np.vstack([mirrored(box, above), box, mirrored(box[::-1], below)[::-1]])
    upright[:above, :, 3] = arched(box[0, :, 3], above, CROWN * look.millimetre)
    upright[above + len(box) :, :, 3] = box[-1, :, 3]
    across = upright.transpose(1, 0, 2)
    whole = np.vstack([mirrored(across, before), across, mirrored(across[::-1], behind)[::-1]])
    whole[:before, :, 3] = across[0, :, 3]
    whole[before + len(across) :, :, 3] = across[-1, :, 3]
    return np.ascontiguousarray(whole.transpose(1, 0, 2))


def mirrored(box: Image, rows: int) -> Image:
    """(rows, w, 4) what is above a box, its own first rows mirrored and drawn out."""
    if not rows:
        return box[:0]
    strip = np.ascontiguousarray(box[: -(-rows // DRAWN_OUT)][::-1])
    return np.asarray(cv2.resize(strip, (box.shape[1], rows), interpolation=cv2.INTER_LINEAR), np.uint8)


def arched(edge: Image, rows: int, radius: float) -> Image:
    """(rows, w) the foreground above an edge whose own is given: an arc over each stretch of it."""
    inside = np.concatenate([[False], edge > 127, [False]])
    ends = np.flatnonzero(inside[1:] != inside[:-1])
    height = np.zeros(len(edge), np.float32)
    for first, last in zip(ends[::2], ends[1::2], strict=True):
        half = (last - first) / 2
        round_by = max(half, radius)
        away = np.arange(first, last) + 0.5 - (first + half)
        height[first:last] = np.sqrt(round_by**2 - away**2) - np.sqrt(round_by**2 - half**2)
    share = np.clip(height - np.arange(rows, 0, -1)[:, None] + 1, 0, 1)
    return np.asarray(np.rint(share * edge), np.uint8)
