"""From landmarks to an upright square crop around the head, and back.

Two points, the middle of the eyes and the middle of the lips, say where the face's own "down" is.
Along that axis all landmarks are boxed, and the box, enlarged, becomes the crop.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ditto.arrays import Floats, Image, Numbers

Points = Numbers  # (n, 2); 32 or 64 bit, kept as given

MIN_AXIS_PIXELS = 1e-3  # pixels between eyes and lips below which they give no direction


@dataclass(frozen=True, slots=True)
class Layout:
    """Points of a landmark set by feature; each feature is their mean."""

    left_eye: Sequence[int]
    right_eye: Sequence[int]
    lips: Sequence[int]


LAYOUTS = {
    5: Layout([0], [1], [3, 4]),
    9: Layout([2, 3], [0, 1], [5, 6]),
    68: Layout([36, 39], [42, 45], [48, 54]),
    101: Layout([39, 42, 45, 48], [51, 54, 57, 60], [75, 81]),
    106: Layout([33, 35, 40, 39], [87, 89, 94, 93], [52, 61]),
    203: Layout([0, 6, 12, 18], [24, 30, 36, 42], [48, 66]),
}


@dataclass(frozen=True, slots=True, eq=False)
class Rect:
    """A turned rectangle."""

    centre: Points  # (2,) pixels
    size: Points  # (2,) pixels along its own axes
    angle: float  # radians, clockwise positive


@dataclass(frozen=True, slots=True)
class Framing:
    """Margins around the landmarks that are cropped with them."""

    size: int  # pixels of the crop's side
    scale: float  # crop side in sizes of the landmarks' box
    right: float = 0.0  # shift of the centre along the eyes, in crop sizes
    down: float = 0.0  # shift of the centre towards the lips, in crop sizes
    upright: bool = True  # turned so that the face is


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    image: Image  # (size, size, 3)
    from_frame: Floats  # (3, 3) from the picture to the crop
    to_frame: Floats  # (3, 3) its inverse


def crop(image: Image, points: Points, framing: Framing) -> Crop:
    """The part of a picture around its landmarks; black where it reaches beyond the edge."""
    from_frame = crop_matrix(points, framing)
    part = cv2.warpAffine(image, from_frame[:2], (framing.size, framing.size), flags=cv2.INTER_LINEAR)
    return Crop(np.asarray(part, np.uint8), from_frame, np.linalg.inv(from_frame))


def crop_matrix(points: Points, framing: Framing) -> Floats:
    """(3, 3) from the picture to the crop."""
    rect = face_rect(points, framing.scale, framing.right, framing.down)
    angle = rect.angle if framing.upright else 0.0
    zoom = framing.size / rect.size[0]
    cos, sin = math.cos(angle), math.sin(angle)
    x, y = rect.centre
    middle = np.float32(framing.size / 2)
    matrix = [
        [zoom * cos, zoom * sin, middle - zoom * (cos * x + sin * y)],
        [-zoom * sin, zoom * cos, middle - zoom * (-sin * x + cos * y)],
        [0, 0, 1],
    ]
    return np.array(matrix, np.float32)


def face_rect(
    points: Points,
    scale: float,
    right: float = 0.0,
    down: float = 0.0,
    use_lips: bool = True,
    square: bool = True,
) -> Rect:
    """The box around landmarks, along the face's own axes, enlarged by `scale` and shifted."""
    top, bottom = axis_points(points, use_lips)
    towards_lips = bottom - top
    length = np.linalg.norm(towards_lips)
    towards_lips = np.array([0, 1], np.float32) if length <= MIN_AXIS_PIXELS else towards_lips / length
    along_eyes = np.array([towards_lips[1], -towards_lips[0]], np.float32)
    angle = math.acos(min(1.0, max(-1.0, float(along_eyes[0]))))  # rounding may exceed 1
    if along_eyes[1] < 0:
        angle = -angle

    middle = points.mean(axis=0)
    own = (points - middle) @ np.array([along_eyes, towards_lips]).T
    low, high = own.min(axis=0), own.max(axis=0)
    size = high - low
    if square:
        size[:] = size.max()
    size = size * np.asarray(scale, size.dtype)
    offset = (low + high) / 2
    centre = middle + along_eyes * offset[0] + towards_lips * offset[1]
    centre = centre + along_eyes * (right * size) + towards_lips * (down * size)
    return Rect(centre, size, angle)


def corners(rect: Rect) -> Points:
    """(4, 2) of a rect before it is turned: top left, top right, bottom right, bottom left."""
    half = rect.size / 2
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], half.dtype)
    return (rect.centre + signs * half).astype(np.float32)


def turned_corners(rect: Rect) -> Points:
    """(4, 2) of a rect, turned by its angle."""
    cos, sin = math.cos(rect.angle), math.sin(rect.angle)
    turn = np.array([[cos, -sin], [sin, cos]], np.float32)
    turned: Points = (corners(rect) - rect.centre) @ turn.T + rect.centre
    return turned


def axis_points(points: Points, use_lips: bool = True) -> Points:
    """(2, 2): the middle of the eyes, and the middle of the lips or a point straight below the left eye."""
    layout = _layout(len(points))
    left, right = (points[list(eye)].mean(axis=0) for eye in (layout.left_eye, layout.right_eye))
    if use_lips:
        return np.stack([(left + right) / 2, points[list(layout.lips)].mean(axis=0)])
    across = right - left
    return np.stack([left, left + np.array([-across[1], across[0]])])


def move(points: Points, matrix: Points) -> Points:
    """(n, 2) points through a (3, 3) or (2, 3) matrix."""
    moved: Points = points @ matrix[:2, :2].T + matrix[:2, 2]
    return moved


def _layout(count: int) -> Layout:
    known = LAYOUTS.get(count)
    if known is not None:
        return known
    if count > 101:
        return LAYOUTS[101]  # larger sets begin with the 101 points
    raise ValueError(f"no layout of {count} landmarks is known")
