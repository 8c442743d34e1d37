"""Extension of a picture beyond its edges, seen when a head at an edge moves."""

from __future__ import annotations

import cv2
import numpy as np

from ditto.arrays import Floats, Image
from ditto.packs.mini.source.geometry import HeadGeometry
from ditto.smoothstep import ramp

CROWN = 90.0  # millimetres: the radius of a head's top, hair included
NARROWING = 8.0  # millimetres within an edge over which it is seen whether the foreground narrows
STEEPEST = 1.0  # pixels an outline closes for each pixel farther out
DRAWN_OUT = 2  # times the size that colours have within the picture: less seems a mirror
VAGUE = (
    4.0  # millimetres over which colours are averaged beyond the edge: a parting that turns back is no hair
)
EDGE = 1.5  # millimetres within it whose finer colours go straight on, as strands of hair do
FADING = 40.0  # millimetres beyond it at which nothing of them is left


def continued(box: Image, head: HeadGeometry) -> Image:
    """(H, W, 4) the wide box of a picture whose (h, w, 4) moving box is known.

    Colours are mirrored and drawn out, without what is fine: that goes straight on. What is foreground at the
    edge goes on, and sideways narrows as it did before; at the upper edge it is a head that is cut off, and
    ends in an arc.
    """
    (left, top, right, bottom), wide = head.box, head.wide_box
    above, below, before, behind = top - wide[1], wide[3] - bottom, left - wide[0], wide[2] - right
    if not (above or below or before or behind):
        return box
    whole = np.empty((len(box) + above + below, box.shape[1] + before + behind, 4), np.uint8)
    mm = head.millimetre
    band, reach = whole[above : above + len(box)], max(1, round(NARROWING * mm))
    across, own = band.transpose(1, 0, 2), box.transpose(1, 0, 2)
    across[before : before + len(own)] = own
    for side, near, room in ((across, own, before), (across[::-1], own[::-1], behind)):
        side[:room] = mirrored(near, room, mm)
        side[:room, :, 3] = narrowing(near[:reach, :, 3], room)
    whole[:above] = mirrored(band, above, mm)
    whole[:above, :, 3] = arched(band[0, :, 3], above, CROWN * mm)
    whole[above + len(box) :] = mirrored(band[::-1], below, mm)[::-1]
    whole[above + len(box) :, :, 3] = band[-1, :, 3]
    return whole


def mirrored(box: Image, rows: int, millimetre: float) -> Image:
    """(rows, w, 4) what is above a box: first rows mirrored, drawn out and vague, and its edge's lines."""
    if not rows:
        return box[:0]
    size, reach = (box.shape[1], rows), VAGUE * millimetre
    vague = cv2.resize(without_detail(box[: -(-rows // DRAWN_OUT)][::-1], size, reach), size)
    edge = box[: max(1, round(EDGE * millimetre))].mean(axis=0, keepdims=True, dtype=np.float32)
    fine = edge - cv2.resize(without_detail(edge, (size[0], 1), reach), (size[0], 1))
    share = 1 - ramp(np.arange(rows, 0, -1, dtype=np.float32), 0, FADING * millimetre)
    return np.asarray(cv2.add(vague, share[:, None, None] * fine, dtype=cv2.CV_8U), np.uint8)


def without_detail(strip: Image | Floats, size: tuple[int, int], sigma: float) -> Floats:
    """(h, w, 4) the colours of a strip's foreground averaged over `sigma` pixels of (width, height) `size`.

    Smaller than that, as far as nothing is lost.
    """
    shrink = max(1.0, sigma / 2)
    smaller = (max(1, round(size[0] / shrink)), max(1, round(size[1] / shrink)))
    small = cv2.resize(np.ascontiguousarray(strip), smaller, interpolation=cv2.INTER_AREA).astype(np.float32)
    weight = small[..., 3:] + 1  # where nothing is foreground all counts alike
    small[..., :3] *= weight
    small[..., 3:] = weight
    blurred = cv2.GaussianBlur(small, (0, 0), sigma / shrink, borderType=cv2.BORDER_REPLICATE)
    smooth = np.asarray(blurred, np.float32)
    smooth[..., :3] /= smooth[..., 3:]
    return smooth


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
