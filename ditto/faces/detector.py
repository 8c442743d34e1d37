"""Where the faces in a picture are, large, small or tilted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from ditto.messages import Image

Numbers = npt.NDArray[np.floating[Any]]

SIDE = 128  # pixels of the square the network sees
GRIDS = ((16, 2), (8, 6))  # cells a side, anchors a cell
LEAST_SCORE = 0.5
SURE = 0.85  # a face upside down scores less than this until the picture is turned
SAME_FACE = 0.3  # overlap above which two candidates are one face
TILES = 3  # a picture is looked at whole, then in this many overlapping tiles a side
SMALL = 0.12  # of the picture's longer side: only smaller faces are looked for in tiles
TILTS = (0, 45, -45, 90, -90, 180)  # degrees, in this order, until a face is found for sure


class Network(Protocol):
    """Named arrays in, named arrays out."""

    @property
    def inputs(self) -> Mapping[str, object]: ...

    def run(self, feeds: Mapping[str, Numbers]) -> Mapping[str, Numbers]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """A face as the detector sees it, in pixels of the picture."""

    low: Numbers  # (2,) corner of the box, before it is turned
    high: Numbers  # (2,)
    points: Numbers  # (6, 2) eyes, nose, mouth, ears
    score: float

    @property
    def size(self) -> float:
        return float(np.max(self.high - self.low))


class FaceDetector:
    """BlazeFace over the whole picture, over tiles of it, and over turned copies."""

    def __init__(self, network: Network) -> None:
        self._network = network
        (self._input,) = network.inputs
        self._anchors = anchors()

    def __call__(self, image: Image) -> list[Detection]:
        """Faces, the largest first; none where there are none."""
        best: list[Detection] = []
        for tilt in TILTS:
            found = self._upright(image, tilt)
            if surest(found) > surest(best):
                best = found
            if surest(best) >= SURE:
                break
        return sorted(best, key=lambda face: -face.size)

    def _upright(self, image: Image, tilt: float) -> list[Detection]:
        height, width = image.shape[:2]
        longest = max(height, width)
        whole = self._square(image, (width / 2, height / 2), longest, tilt)
        if tilt or any(face.size > SMALL * longest for face in whole):
            return whole
        side = longest / (TILES + 1) * 2
        found = list(whole)
        for y in tile_centres(height, side):
            for x in tile_centres(width, side):
                found += self._square(image, (x, y), side, 0)
        return distinct(found)

    def _square(self, image: Image, centre: tuple[float, float], side: float, tilt: float) -> list[Detection]:
        """Faces in a square of the picture, turned upright."""
        matrix = np.array(cv2.getRotationMatrix2D(centre, tilt, SIDE / side), np.float64)
        matrix[:, 2] += SIDE / 2 - np.asarray(centre)
        shrunk = max(1.0, side / SIDE / 2)
        source = image
        if shrunk > 1:  # an ordinary warp would skip most pixels of a large picture
            size = (max(1, round(image.shape[1] / shrunk)), max(1, round(image.shape[0] / shrunk)))
            source = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        scale = np.array([source.shape[1] / image.shape[1], source.shape[0] / image.shape[0]])
        near = matrix.copy()
        near[:, :2] /= scale
        part = np.asarray(cv2.warpAffine(source, near, (SIDE, SIDE)), np.float32)
        back = np.array(cv2.invertAffineTransform(matrix), np.float64)
        outputs = self._network.run({self._input: part[None] / 127.5 - 1})
        boxes = next(a for a in outputs.values() if a.shape[-1] == 16)[0]
        logits = next(a for a in outputs.values() if a.shape[-1] == 1)[0, :, 0]
        scores = 1 / (1 + np.exp(-np.clip(logits, -80, 80)))
        return [placed(face, back) for face in self._merged(boxes, scores)]

    def _merged(self, raw: Numbers, scores: Numbers) -> list[Detection]:
        """Candidates that overlap the best one are averaged with it, and so on."""
        sure = np.flatnonzero(scores >= LEAST_SCORE)
        sure = sure[np.argsort(-scores[sure])]
        centres = raw[sure, :2] / SIDE + self._anchors[sure]
        half = raw[sure, 2:4] / (2 * SIDE)
        lows, highs = centres - half, centres + half
        points = raw[sure, 4:].reshape(-1, 6, 2) / SIDE + self._anchors[sure][:, None]
        left = np.flatnonzero((half > 0).all(axis=1))
        found = []
        while len(left):
            near = overlaps(lows[left[0]], highs[left[0]], lows[left], highs[left]) > SAME_FACE
            near[0] = True
            group = left[near]
            weight = scores[sure[group]] / scores[sure[group]].sum()
            found.append(
                Detection(
                    low=weight @ lows[group] * SIDE,
                    high=weight @ highs[group] * SIDE,
                    points=np.einsum("n,nij->ij", weight, points[group]) * SIDE,
                    score=float(scores[sure[group[0]]]),
                )
            )
            left = left[~near]
        return found


def anchors() -> Numbers:
    """(896, 2) centres of the candidates, in 0..1."""
    rows = []
    for cells, each in GRIDS:
        middle = (np.arange(cells) + 0.5) / cells
        grid = np.stack(np.meshgrid(middle, middle), -1).reshape(-1, 2)
        rows.append(np.repeat(grid, each, axis=0))
    return np.concatenate(rows).astype(np.float32)


def placed(face: Detection, matrix: Numbers) -> Detection:
    """A detection in the network's square, moved into the picture."""
    zoom = float(np.hypot(*matrix[:, 0]))
    middle = matrix[:, :2] @ ((face.low + face.high) / 2) + matrix[:, 2]
    half = (face.high - face.low) / 2 * zoom
    points = face.points @ matrix[:, :2].T + matrix[:, 2]
    return Detection(middle - half, middle + half, points, face.score)


def surest(faces: list[Detection]) -> float:
    """The highest score; 0 where there is no face."""
    return max((face.score for face in faces), default=0.0)


def overlaps(low: Numbers, high: Numbers, lows: Numbers, highs: Numbers) -> Numbers:
    """(n,) shared share of a box with others."""
    shared = np.prod(np.maximum(np.minimum(highs, high) - np.maximum(lows, low), 0), axis=-1)
    both = np.prod(high - low) + np.prod(highs - lows, axis=-1) - shared
    return np.asarray(shared / np.maximum(both, 1e-12), np.float32)


def distinct(faces: list[Detection]) -> list[Detection]:
    """One of each face that was seen several times, the surest."""
    kept: list[Detection] = []
    for face in sorted(faces, key=lambda f: -f.score):
        if not any(overlaps(face.low, face.high, k.low[None], k.high[None])[0] > SAME_FACE for k in kept):
            kept.append(face)
    return kept


def tile_centres(length: float, side: float) -> Numbers:
    count = max(1, int(np.ceil(length / side * 2)) - 1)
    if count == 1:
        return np.array([length / 2], np.float32)
    return np.linspace(side / 2, length - side / 2, count, dtype=np.float32)
