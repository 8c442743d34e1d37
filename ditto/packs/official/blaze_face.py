"""The face in a crop, with six keypoints: BlazeFace, which seeds the eye mesh."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats, Image
from ditto.packs.official.backend import Network, output_with

SIDE = 128  # pixels of the square the network sees
ANCHORS = 896
LEAST_SCORE = 0.5
SAME_FACE = 0.3  # overlap above which two boxes are one face
GRIDS = ((16, 2), (8, 6))  # cells per side, anchors per cell


class BlazeFace:
    """Finds faces in a picture; (n, 17) of box, keypoints and score, the surest first."""

    def __init__(self, network: Network, input_name: str = "input") -> None:
        self._network = network
        self._input_name = input_name
        self._anchors = anchors()

    def __call__(self, image: Image) -> Floats:
        """Columns: left, top, right, bottom in units of 1/128 picture; six x, y in 0..1; score."""
        outputs = self._network.run({self._input_name: prepare(image)})
        raw = output_with(ANCHORS * 16, outputs, "blaze_face").reshape(ANCHORS, 16)
        logits = output_with(ANCHORS, outputs, "blaze_face").reshape(ANCHORS, 1)
        return merge(decode(raw, logits, self._anchors))


def prepare(image: Image) -> Floats:
    """(1, 128, 128, 3) in -1..1."""
    small = np.asarray(cv2.resize(image, (SIDE, SIDE)), np.float32)[None]
    return np.asarray(small / np.float32(127.5) - np.float32(1), np.float32)


def anchors() -> npt.NDArray[np.float64]:
    """(896, 4) centre x, y and size, in 0..1; the size is always 1."""
    levels = []
    for cells, each in GRIDS:
        middles = (np.arange(cells) + 0.5) / cells
        x, y = np.meshgrid(middles, middles)
        levels.append(np.stack([x.ravel(), y.ravel()], axis=1).repeat(each, axis=0))
    centres = np.vstack(levels)
    return np.hstack([centres, np.ones_like(centres)])


def decode(raw: Floats, logits: Floats, grid: npt.NDArray[np.float64]) -> Floats:
    """(n, 17) candidates that are sure enough to be a face and have an extent."""
    scores = 1 / (1 + np.exp(-np.clip(logits, -50, 100)))
    points = raw.reshape(ANCHORS, 8, 2) / np.float32(SIDE)
    centres = grid[:, :2]
    middle, half = points[:, 0] + centres, points[:, 1] / 2.0
    boxes = SIDE * np.hstack([middle - half, middle + half])
    keypoints = (points[:, 2:] + centres[:, None]).reshape(ANCHORS, 12)
    candidates = np.hstack([boxes, keypoints, scores]).astype(np.float32)
    usable = np.isfinite(candidates).all(axis=1) & (points[:, 1] > 0).all(axis=1)
    return np.asarray(candidates[usable & (scores[:, 0] >= LEAST_SCORE)])


def merge(candidates: Floats) -> Floats:
    """One row per face: the mean of the candidates that overlap its surest one, weighted by score."""
    remaining = candidates[np.argsort(-candidates[:, 16], kind="stable")]
    faces = []
    while len(remaining):
        same = overlaps_first(remaining[:, :4]) > SAME_FACE
        same[0] = True  # a box too small for its area to be a number would never be used up
        group, remaining = remaining[same], remaining[~same]
        face = group[0].copy()
        if len(group) > 1:
            scores = group[:, 16:]
            face[:16] = (group[:, :16] * scores).sum(axis=0) / scores.sum()
            face[16] = scores.mean()
        faces.append(face)
    return np.array(faces, np.float32).reshape(-1, 17)


def overlaps_first(boxes: Floats) -> Floats:
    """(n,) how much each box shares with the first: intersection over union."""
    shared = np.clip(np.minimum(boxes[0, 2:], boxes[:, 2:]) - np.maximum(boxes[0, :2], boxes[:, :2]), 0, None)
    shared_area = shared.prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    union = areas[0] + areas - shared_area
    return np.asarray(np.divide(shared_area, union, out=np.zeros_like(union), where=union > 0))
