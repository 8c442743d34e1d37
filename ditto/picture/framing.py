"""The part of a finished picture that the video shows, and at what size."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from cfg.settings import FramingSettings, SourceSettings
from ditto.arrays import Floats, Image
from ditto.source.avatar import SourceFrame

MESH_FACE = 468  # points of a 478-point mesh that are not irises
EXTENDED_CROP_GROWTH = 1.5  # times the square of `crop`, for `extcrop`
EYE_LINE = 0.42  # where the middle of the face lies in a cut picture, from its top
MIN_CENTRED_FACES = 2.2  # faces of height below which a cut picture has its face in the middle
PADDING_BLUR_SIDE = 64  # pixels of the longer side of the picture that padding is blurred from


@dataclass(frozen=True, slots=True)
class Box:
    """Whole pixels of a picture; may reach beyond its edges."""

    left: int
    top: int
    width: int
    height: int


class View:
    """Cuts or pads each picture in the same way, and brings it to its size."""

    def __init__(self, box: Box, size: tuple[int, int], first: Image) -> None:
        """`size` is (height, width); what lies beyond the edges is a blur of the `first` picture."""
        self._box = box
        self.size = size
        height, width = first.shape[:2]
        self._inside = (
            slice(max(0, box.top), min(height, box.top + box.height)),
            slice(max(0, box.left), min(width, box.left + box.width)),
        )
        rows, columns = self._inside
        whole = (rows.stop - rows.start, columns.stop - columns.start) == (box.height, box.width)
        self._padding = None if whole else backdrop(first, (box.height, box.width))

    def __call__(self, image: Image) -> Image:
        part = image[self._inside]
        if self._padding is not None:
            rows, columns = self._inside
            top, left = rows.start - self._box.top, columns.start - self._box.left
            padded = self._padding.copy()
            if image.shape[2] == 4:
                padded = np.dstack([padded, np.zeros(padded.shape[:2], np.uint8)])
            padded[top : top + part.shape[0], left : left + part.shape[1]] = part
            part = padded
        return resized(part, self.size)


def view_of(first: SourceFrame[object], framing: FramingSettings, source: SourceSettings) -> View | None:
    """View of the settings around the face of a source's first frame; None for all of the picture."""
    height, width = first.image.shape[:2]
    middle, face = face_square(first.landmarks)
    box = Box(0, 0, width, height)
    pad = bool(framing.aspect) and framing.aspect_fit == "pad"
    if framing.preprocess in ("crop", "extcrop"):
        scale = source.crop_scale * (EXTENDED_CROP_GROWTH if framing.preprocess == "extcrop" else 1.0)
        shift = np.array([source.crop_vx_ratio, source.crop_vy_ratio], np.float32) * scale * face
        middle = np.asarray(middle + shift, np.float32)
        box = around(middle, scale * face, (height, width), aspect_of(framing) or 1.0, pad=pad)
    elif framing.aspect:
        box = with_aspect(middle, face, (height, width), aspect_of(framing), pad=pad)
    size = sized(box, framing)
    if box == Box(0, 0, width, height) and size == (height, width):
        return None
    return View(box, size, first.image)


def face_square(landmarks: Floats) -> tuple[Floats, float]:
    """(2,) the middle of a face and the longer side of its box, pixels."""
    points = landmarks[:MESH_FACE, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    return (low + high) / 2, float((high - low).max())


def aspect_of(framing: FramingSettings) -> float:
    """Width over height; 0 where none is asked for."""
    across, _, down = framing.aspect.partition(":")
    return int(across) / int(down) if across else 0.0


def around(
    middle: Floats, side: float, shape: tuple[int, int], aspect: float = 1.0, *, pad: bool = False
) -> Box:
    """The smallest box of width / height about a square about a point. Where the picture ends it is moved,
    and made smaller unless it is to be padded."""
    room = np.array(shape[::-1])
    size = side * np.array([max(1.0, aspect), max(1.0, 1 / aspect)])
    if not pad:
        size *= min(1.0, (room / size).min())
    width, height = (max(2, round(float(length))) for length in size)
    left, top = (round(float(at) - length / 2) for at, length in zip(middle, (width, height), strict=True))
    return Box(within(left, shape[1] - width), within(top, shape[0] - height), width, height)


def within(start: int, free: int) -> int:
    """Start of a box that lies inside, or that holds all of the picture where it is the larger one."""
    return min(max(start, min(free, 0)), max(free, 0))


def with_aspect(middle: Floats, face: float, shape: tuple[int, int], aspect: float, *, pad: bool) -> Box:
    """The picture cut, or widened, to width / height, the face inside and a little above the middle."""
    height, width = shape
    wide = width > height * aspect
    if wide == pad:
        new_width, new_height = width, max(2, round(width / aspect))
    else:
        new_width, new_height = max(2, round(height * aspect)), height
    left = round(float(middle[0]) - new_width / 2)
    top = round(float(middle[1]) - new_height * (EYE_LINE if new_height > MIN_CENTRED_FACES * face else 0.5))
    if pad:
        return Box(-((new_width - width) // 2), -((new_height - height) // 2), new_width, new_height)
    return Box(
        min(max(left, 0), width - new_width), min(max(top, 0), height - new_height), new_width, new_height
    )


def sized(box: Box, framing: FramingSettings) -> tuple[int, int]:
    """(height, width) the box is shown at."""
    if framing.preprocess == "resize":
        side = framing.size or max(box.height, box.width)
        return side, side
    if not framing.size:
        return box.height, box.width
    share = framing.size / max(box.height, box.width)
    return max(2, round(box.height * share)), max(2, round(box.width * share))


def resized(image: Image, size: tuple[int, int]) -> Image:
    height, width = size
    if image.shape[:2] == size:
        return np.ascontiguousarray(image)
    smaller = height * width < image.shape[0] * image.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), np.uint8)


def backdrop(picture: Image, size: tuple[int, int]) -> Image:
    """The picture out of focus, filling (height, width): quieter than bars, and never moving."""
    height, width = picture.shape[:2]
    cover = max(size[0] / height, size[1] / width)
    cut_height, cut_width = (max(1, round(side / cover)) for side in size)
    top, left = (height - cut_height) // 2, (width - cut_width) // 2
    cut = picture[top : top + cut_height, left : left + cut_width]
    shrink = PADDING_BLUR_SIDE / max(size)
    small = (max(2, round(size[1] * shrink)), max(2, round(size[0] * shrink)))
    blurred = cv2.GaussianBlur(cv2.resize(cut, small, interpolation=cv2.INTER_AREA), (0, 0), 2.2)
    dimmed = np.asarray(blurred * np.float32(0.8), np.uint8)
    return np.asarray(cv2.resize(dimmed, size[::-1], interpolation=cv2.INTER_CUBIC), np.uint8)
