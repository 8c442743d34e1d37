"""Parts of a face outlined by landmarks, whichever pack found them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from cfg.errors import ConfigError
from ditto.arrays import Floats

MOUTH_MARGIN_SHARE = 0.55  # of the lips' size that belongs to the mouth on every side
CHIN_MARGIN_SHARE = 0.10  # of the face's height that a falling jaw reaches below the chin at rest
BROW_MARGIN_SHARE = 0.10  # of the face's height above the brows
NOSE_SHARE = 0.42  # of the way from the eyes to the lips where the lower face begins


@dataclass(frozen=True, slots=True)
class Layout:
    """Places of the landmarks that an outline is drawn through."""

    eyes: tuple[Sequence[int], Sequence[int]]  # around the image-left eye and the other
    lips: Sequence[int]  # outer edge
    inner: tuple[int, int]  # the middle of the upper and the lower inner lip


LAYOUTS = {
    478: Layout(
        ((33, 133, 159, 145), (362, 263, 386, 374)),
        (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 146, 91, 181, 84, 17, 314, 405, 321, 375),
        (13, 14),
    ),
    203: Layout(((0, 6, 12, 18), (24, 30, 36, 42)), range(48, 84), (90, 102)),
}


def layout_of(points: Floats) -> Layout:
    """By the number of landmarks."""
    found = LAYOUTS.get(len(points))
    if found is None:
        raise ConfigError(f"{len(points)} landmarks are of no known layout; blend.region must be 'head'")
    return found


def frame_of(points: Floats) -> tuple[Floats, Floats, Floats]:
    """The middle of the eyes (2,), that of the lips (2,), and the (2, 2) axes: across and down the face."""
    layout = layout_of(points)
    flat = points[:, :2]
    eyes = np.mean([flat[list(eye)].mean(axis=0) for eye in layout.eyes], axis=0)
    lips = flat[list(layout.lips)].mean(axis=0)
    down = (lips - eyes) / max(float(np.linalg.norm(lips - eyes)), 1e-6)
    axes = np.array([[down[1], -down[0]], down])
    return np.asarray(eyes, np.float32), np.asarray(lips, np.float32), np.asarray(axes, np.float32)


def opening(points: Floats) -> float:
    """Distance between the inner lips, in distances between eyes and lips; 0 where they cross."""
    eyes, lips, axes = frame_of(points)
    upper, lower = layout_of(points).inner
    apart = float((points[lower, :2] - points[upper, :2]) @ axes[1])
    return max(0.0, apart) / max(float(np.linalg.norm(lips - eyes)), 1e-6)


def size_of(points: Floats) -> float:
    """Height of the face along its own axis, pixels."""
    _, _, axes = frame_of(points)
    return float(np.ptp(points[:, :2] @ axes[1]))


def outline(points: Floats, region: str) -> Floats:
    """(n, 2) polygon in pixels around a region that also holds the face while it speaks."""
    eyes, lips, axes = frame_of(points)
    flat = points[:, :2]
    own = (flat - eyes) @ axes.T  # across and down from the middle of the eyes
    height = float(np.ptp(own[:, 1]))
    hull = cv2.convexHull(own.astype(np.float32)).reshape(-1, 2)
    if region == "mouth":
        mouth = own[list(layout_of(points).lips)]
        centre, half = (mouth.min(axis=0) + mouth.max(axis=0)) / 2, np.ptp(mouth, axis=0) / 2
        room = MOUTH_MARGIN_SHARE * float(half[0])
        turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        spread = np.stack([np.cos(turn), np.sin(turn)], axis=1) * (half + room)
        spread[spread[:, 1] > 0, 1] += 0.5 * room * np.sin(turn[spread[:, 1] > 0])  # where the jaw falls
        polygon = centre + spread
    else:
        polygon = hull.copy()
        low = polygon[:, 1] > float((lips - eyes) @ axes[1])
        polygon[low, 1] += CHIN_MARGIN_SHARE * height
        if region == "face":
            polygon[polygon[:, 1] < 0, 1] -= BROW_MARGIN_SHARE * height
        else:
            edge = NOSE_SHARE * float((lips - eyes) @ axes[1])
            polygon[:, 1] = np.maximum(polygon[:, 1], edge)
    return np.asarray(polygon @ axes + eyes, np.float32)
