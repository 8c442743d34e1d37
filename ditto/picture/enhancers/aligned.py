"""A face cut out upright, as restorers of faces were taught, and laid back under a soft edge."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from ditto.arrays import Floats, Image
from ditto.faces.outline import layout_of
from ditto.stages.messages import Pose

CROP_SIDE = 512  # pixels of the cut
TEMPLATE = np.array(  # eyes, nose and corners of the mouth of a face aligned as in the FFHQ pictures
    [
        [192.98138, 239.94708],
        [318.90277, 240.1936],
        [256.63416, 314.01935],
        [201.26117, 371.41043],
        [313.08905, 371.15118],
    ],
    np.float32,
)
EYES_AND_LIPS = TEMPLATE[[0, 1, 3, 4]]
EDGE_FADE_SHARE = 0.09  # of the cut's side over which its edge fades


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Place of the upright face in a picture."""

    matrix: Floats  # (2, 3) from the picture to a cut of CROP_SIDE
    box: tuple[slice, slice]  # rows and columns of the picture the cut covers
    cover: Floats  # (h, w, 1) 0..1 weight of the cut in the box

    def cut(self, image: Image) -> Image:
        """(CROP_SIDE, CROP_SIDE, 3) the face upright."""
        flags = cv2.INTER_AREA if self._scale < 1 else cv2.INTER_LINEAR
        cut = cv2.warpAffine(
            image, self.matrix, (CROP_SIDE, CROP_SIDE), flags=flags, borderMode=cv2.BORDER_REFLECT_101
        )
        return np.asarray(cut, np.uint8)

    def lay(self, image: Image, change: Floats, strength: float) -> Image:
        """A new picture with the cut's (CROP_SIDE, CROP_SIDE, 3) change of levels added at its place."""
        result: Image = image.copy()
        rows, columns = self.box
        part = result[rows, columns]
        if not part.size:
            return result
        back = cv2.invertAffineTransform(self.matrix)
        back[:, 2] -= (columns.start, rows.start)
        moved = cv2.warpAffine(change, back, (part.shape[1], part.shape[0]), flags=cv2.INTER_LINEAR)
        changed = part + moved * (self.cover * np.float32(strength))
        part[:] = np.clip(np.rint(changed), 0, 255).astype(np.uint8)
        return result

    @property
    def _scale(self) -> float:
        return float(np.hypot(self.matrix[0, 0], self.matrix[0, 1]))


class Aligner:
    """Alignments of a stream's frames; that of a portrait whose head keeps its tilt is made once."""

    def __init__(self) -> None:
        self._landmarks: Floats | None = None
        self._tilt = 0
        self._alignment: Alignment | None = None

    def __call__(self, pose: Pose[object], image: Image) -> Alignment:
        tilt = round(pose.drive.roll - pose.rest.roll)
        landmarks = pose.source.landmarks
        if self._alignment is None or landmarks is not self._landmarks or tilt != self._tilt:
            self._landmarks, self._tilt = landmarks, tilt
            self._alignment = aligned(landmarks, tilt, image.shape[:2])
        return self._alignment


def aligned(landmarks: Floats, tilt: float, shape: tuple[int, ...]) -> Alignment:
    """Alignment of a face whose head is tilted by so many degrees from the landmarks' own tilt."""
    layout = layout_of(landmarks)
    flat = np.asarray(landmarks[:, :2], np.float64)
    eyes = [flat[list(eye)].mean(axis=0) for eye in layout.eyes]
    lips = flat[list(layout.lips)]
    across = eyes[1] - eyes[0]
    corners = [lips[np.argmin(lips @ across)], lips[np.argmax(lips @ across)]]
    points = np.array([*eyes, *corners])
    turn = math.radians(tilt)
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    middle = points.mean(axis=0)
    matrix = similarity((points - middle) @ rotation.T + middle, EYES_AND_LIPS)
    back = cv2.invertAffineTransform(matrix)
    corner = np.array([[0, 0, 1], [CROP_SIDE, 0, 1], [CROP_SIDE, CROP_SIDE, 1], [0, CROP_SIDE, 1]]) @ back.T
    left, top = np.maximum(np.floor(corner.min(axis=0)), 0).astype(int)
    right, bottom = np.minimum(np.ceil(corner.max(axis=0)), (shape[1], shape[0])).astype(int)
    box = (slice(int(top), max(int(top), int(bottom))), slice(int(left), max(int(left), int(right))))
    size = (box[1].stop - box[1].start, box[0].stop - box[0].start)
    cover = np.zeros((size[1], size[0], 1), np.float32)
    if min(size):
        back[:, 2] -= (left, top)
        cover[..., 0] = cv2.warpAffine(edge(), back, size, flags=cv2.INTER_LINEAR)
    return Alignment(np.asarray(matrix, np.float32), box, cover)


def similarity(points: np.ndarray, target: np.ndarray) -> Floats:
    """(2, 3) turn, growth and shift that bring points nearest to a target."""
    middle, centre = points.mean(axis=0), target.mean(axis=0)
    own, wanted = points - middle, target - centre
    square = max(float((own**2).sum()), 1e-9)
    along = float((own * wanted).sum()) / square
    across = float((own[:, 0] * wanted[:, 1] - own[:, 1] * wanted[:, 0]).sum()) / square
    linear = np.array([[along, -across], [across, along]])
    return np.asarray(np.column_stack([linear, centre - linear @ middle]), np.float32)


def edge() -> Floats:
    """(CROP_SIDE, CROP_SIDE) 1 inside, smoothly 0 at the border."""
    ramp = np.clip(
        np.minimum(np.arange(CROP_SIDE), np.arange(CROP_SIDE)[::-1]) / (EDGE_FADE_SHARE * CROP_SIDE), 0, 1
    )
    smooth = ramp * ramp * (3 - 2 * ramp)
    return np.asarray(np.outer(smooth, smooth), np.float32)
