"""What comes into sight from beyond the edges of a picture, when a head at its edge moves."""

from __future__ import annotations

import cv2
import numpy as np

from ditto.messages import Image
from ditto.mini.register import MiniAppearance

CROWN = 90.0  # millimetres: the radius of a head's top, hair included
NARROWING = 8.0  # millimetres within an edge over which it is seen whether the foreground narrows
STEEPEST = 1.0  # pixels an outline closes for each pixel farther out
DRAWN_OUT = 2  # times the size that colours have within the picture: less seems a mirror


def continued(box: Image, look: MiniAppearance) -> Image:
    """(H, W, 4) the wide box of a picture whose (h, w, 4) moving box is known.

    Colours are mirrored and drawn out. What is foreground at the edge goes on, and sideways narrows as it
    did before; at the upper edge it is a head that is cut off, and ends in an arc.
    """
    (left, top, right, bottom), wide = look.box, look.wide_box
    above, below, before, behind = top - wide[1], wide[3] - bottom, left - wide[0], wide[2] - right
    if not (above or below or before or behind):
        return box
    whole = np.empty((len(box) + above + below, box.shape[1] + before + behind, 4), np.uint8)
    band, reach = whole[above : above + len(box)], max(1, round(NARROWING * look.millimetre))
    across, own = band.transpose(1, 0, 2), box.transpose(1, 0, 2)
    across[before : before + len(own)] = own
    for side, near, room in ((across, own, before), (across[::-1], own[::-1], behind)):
        side[:room] = mirrored(near, room)
        side[:room, :, 3] = narrowing(near[:reach, :, 3], room)
    whole[:above] = mirrored(band, above)
    whole[:above, :, 3] = arched(band[0, :, 3], above, CROWN * look.millimetre)
    whole[above + len(box) :] = mirrored(band[::-1], below)[::-1]
    whole[above + len(box) :, :, 3] = band[-1, :, 3]
    return whole


def mirrored(box: Image, rows: int) -> Image:
    """(rows, w, 4) what is above a box, its own first rows mirrored and drawn out."""
    if not rows:
        return box[:0]
    strip = np.ascontiguousarray(box[: -(-rows // DRAWN_OUT)][::-1])
    return np.asarray(cv2.resize(strip, (box.shape[1], rows), interpolation=cv2.INTER_LINEAR), np.uint8)


def arched(edge: Image, rows: int, radius: float) -> Image:
    """(rows, w) the foreground above an edge whose own is given: an arc over each stretch of it."""
    height = np.zeros(len(edge), np.float32)
    for first, last in stretches(edge):
        half = (last - first) / 2
        round_by = max(half, radius)
        away = np.arange(first, last) + 0.5 - (first + half)
        height[first:last] = np.sqrt(round_by**2 - away**2) - np.sqrt(round_by**2 - half**2)
    share = np.clip(height - np.arange(rows, 0, -1)[:, None] + 1, 0, 1)
    return np.asarray(np.rint(share * edge), np.uint8)


def narrowing(strip: Image, rows: int) -> Image:
    """(rows, w) the foreground above the (n, w) one of a strip: each stretch narrows as it does there."""
    edge, deep = strip[0], stretches(strip[-1])
    away = np.arange(rows, 0, -1)[:, None]
    share = np.zeros((rows, len(edge)), np.float32)
    for first, last in stretches(edge):
        middle = (first + last) // 2
        low, high = next((ends for ends in deep if ends[0] <= middle < ends[1]), (first, last))
        rise, fall = (min(max(0.0, more / len(strip)), STEEPEST) for more in (first - low, high - last))
        at = np.arange(first, last)
        within = np.minimum(at - first - rise * away, last - 1 - at - fall * away) + 1
        share[:, first:last] = np.clip(within, 0, 1)
    return np.asarray(np.rint(share * edge), np.uint8)


def stretches(edge: Image) -> list[tuple[int, int]]:
    """First and one past the last of each run of foreground."""
    inside = np.concatenate([[False], edge > 127, [False]])
    ends = [int(at) for at in np.flatnonzero(inside[1:] != inside[:-1])]
    return list(zip(ends[::2], ends[1::2], strict=True))
