"""Faces in a picture: SCRFD ("det_10g"), a detector over three grids of anchors."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from cfg.errors import ModelError
from ditto.arrays import Floats, Image
from ditto.faces.blaze_face import overlaps
from ditto.faces.outputs import rows_of
from model_formats.backend import Network

DETECTOR_SIDE = 512  # pixels of the square the network sees
STRIDES = (8, 16, 32)
ANCHORS_PER_CELL = 2
MIN_SCORE = 0.5
SAME_FACE = 0.4  # overlap above which two boxes are one face


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Faces found in one picture, the surest first."""

    boxes: Floats  # (n, 5) left, top, right, bottom in pixels, score
    keypoints: Floats  # (n, 5, 2) eyes, nose, corners of the mouth, pixels
    best_score: float  # of all candidates, also those too unsure to be in `boxes`

    def __len__(self) -> int:
        return len(self.boxes)

    def take(self, order: npt.NDArray[np.intp]) -> Faces:
        return Faces(self.boxes[order], self.keypoints[order], self.best_score)

    def by_size(self) -> Faces:
        """Largest area first."""
        return self.take(np.argsort(-self._areas(), kind="stable"))

    def foremost(self, count: int, height: int, width: int) -> Faces:
        """At most `count`: large ones near the middle of a picture of the given size."""
        middle = np.array([width // 2, height // 2], np.float32)
        offsets = (self.boxes[:, :2] + self.boxes[:, 2:4]) / 2 - middle
        weight = self._areas() - 2 * (offsets**2).sum(axis=1)
        return self.take(np.argsort(-weight, kind="stable")[:count])

    def _areas(self) -> Floats:
        areas: Floats = (self.boxes[:, 2] - self.boxes[:, 0]) * (self.boxes[:, 3] - self.boxes[:, 1])
        return areas


class FaceDetector:
    """Finds the faces in a picture of any size."""

    def __init__(self, network: Network, input_name: str = "image") -> None:
        self._network = network
        self._input_name = input_name
        self._grids = [anchor_centres(stride) for stride in STRIDES]

    def __call__(self, image: Image, least_score: float = MIN_SCORE) -> Faces:
        blob, zoom = prepare(image)
        outputs = self._network.run({self._input_name: blob})
        scores, distances, offsets = (rows_of(width, outputs, "face detector") for width in (1, 4, 10))
        if any([len(rows) for rows in kind] != [len(g) for g in self._grids] for kind in (scores, distances)):
            raise ModelError("face detector: the outputs do not fit an input of 512 x 512 pixels")

        boxes, keypoints = [], []
        for level, (stride, grid) in enumerate(zip(STRIDES, self._grids, strict=True)):
            sure = scores[level][:, 0] >= least_score
            centres, reach = grid[sure], distances[level][sure] * stride
            box = np.hstack([centres - reach[:, :2], centres + reach[:, 2:]]) / zoom
            boxes.append(np.hstack([box, scores[level][sure]]).astype(np.float32))
            points = centres[:, None] + offsets[level][sure].reshape(-1, 5, 2) * stride
            keypoints.append((points / zoom).astype(np.float32))

        best = max(float(level.max()) for level in scores)
        found = Faces(np.vstack(boxes), np.vstack(keypoints), best)
        found = found.take(np.argsort(-found.boxes[:, 4], kind="stable"))
        return found.take(distinct(found.boxes))


def prepare(image: Image) -> tuple[Floats, float]:
    """(1, 3, 512, 512) as the network was trained: blue first, -1..1, empty right or below; and the zoom."""
    height, width = image.shape[:2]
    if height > width:
        new_height, new_width = DETECTOR_SIDE, max(1, int(DETECTOR_SIDE / (height / width)))
    else:
        new_height, new_width = max(1, int(DETECTOR_SIDE * (height / width))), DETECTOR_SIDE
    canvas = np.zeros((DETECTOR_SIDE, DETECTOR_SIDE, 3), np.uint8)
    canvas[:new_height, :new_width] = cv2.resize(image, (new_width, new_height))
    blob = (canvas[..., ::-1].astype(np.float32) - 127.5) / 128
    return np.ascontiguousarray(blob.transpose(2, 0, 1))[None], new_height / height


def anchor_centres(stride: int) -> Floats:
    """(n, 2) x, y in pixels of the network's input, each cell once per anchor."""
    cells = np.arange(0, DETECTOR_SIDE, stride, dtype=np.float32)
    x, y = np.meshgrid(cells, cells)
    return np.stack([x.ravel(), y.ravel()], axis=1).repeat(ANCHORS_PER_CELL, axis=0)


def distinct(boxes: Floats) -> npt.NDArray[np.intp]:
    """Rows to keep of boxes sorted by score: one per face. A side is right - left + 1 pixels long."""
    sides = boxes[:, 2:4] - boxes[:, :2] + 1
    areas = sides[:, 0] * sides[:, 1]
    remaining = np.arange(len(boxes))
    kept = []
    while remaining.size:
        head, rest = remaining[0], remaining[1:]
        kept.append(head)
        low = np.maximum(boxes[head, :2], boxes[rest, :2])
        high = np.minimum(boxes[head, 2:4], boxes[rest, 2:4])
        shared = np.maximum(0, high - low + 1).prod(axis=1)
        remaining = rest[shared / (areas[head] + areas[rest] - shared) <= SAME_FACE]
    return np.array(kept, np.intp)


def overlap(box: npt.ArrayLike, boxes: Floats) -> Floats:
    """(n,) shared part of one box with each of several: intersection over union."""
    one = np.asarray(box, np.float32)
    return overlaps(one[:2], one[2:4], boxes[:, :2], boxes[:, 2:4])
