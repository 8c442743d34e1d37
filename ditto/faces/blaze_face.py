"""Faces in a square of 128 pixels, each with six keypoints: BlazeFace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ditto.arrays import Numbers
from ditto.faces.outputs import output_with
from model_formats.backend import Network, NetworkArray

DETECTOR_SIDE = 128  # pixels of the square the network sees
GRIDS = ((16, 2), (8, 6))  # cells a side, anchors a cell
ANCHORS = 896
MIN_SCORE = 0.5
SAME_FACE = 0.3  # overlap above which two candidates are one face


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """A face as the detector sees it, in pixels."""

    low: Numbers  # (2,) corner of the box, before it is turned
    high: Numbers  # (2,)
    points: Numbers  # (6, 2) eyes, nose, mouth, ears
    scores: Numbers  # (n,) of the candidates it is the mean of, the surest first

    @property
    def score(self) -> float:
        return float(self.scores[0])

    @property
    def size(self) -> float:
        return float(np.max(self.high - self.low))

    @property
    def angle(self) -> float:
        """Radians, clockwise as seen, by which the line between the eyes is turned."""
        across = self.points[1] - self.points[0]
        return float(np.arctan2(across[1], across[0]))


class BlazeFace:
    """Finds faces in a (128, 128, 3) picture, the surest first."""

    precision: type[np.float32] | type[np.float64] = np.float32  # in which candidates are placed

    def __init__(self, network: Network, input_name: str) -> None:
        self._network = network
        self._input_name = input_name
        self._anchors: Numbers = anchors()[:, :2].astype(self.precision)

    def __call__(self, square: npt.NDArray[np.generic]) -> list[Detection]:
        fed = np.asarray(square, np.float32)[None] / np.float32(127.5) - np.float32(1)
        return self._merged(self._network.run({self._input_name: fed}))

    def _merged(self, outputs: Mapping[str, NetworkArray]) -> list[Detection]:
        """Candidates that overlap the surest one, averaged with it by their scores; so on with the rest."""
        raw = output_with(ANCHORS * 16, outputs, "blaze_face").reshape(ANCHORS, 16)
        logits = output_with(ANCHORS, outputs, "blaze_face")
        scores = 1 / (1 + np.exp(-np.clip(logits, -80, 80)))
        usable = np.isfinite(raw).all(axis=1) & (raw[:, 2:4] > 0).all(axis=1)
        sure = np.flatnonzero(usable & (scores >= MIN_SCORE))
        sure = sure[np.argsort(-scores[sure], kind="stable")]
        scores, middles = scores[sure], raw[sure, :2] / DETECTOR_SIDE + self._anchors[sure]
        half = raw[sure, 2:4] / (2 * DETECTOR_SIDE)
        lows, highs = pixels(middles - half), pixels(middles + half)
        points = pixels(raw[sure, 4:].reshape(-1, 6, 2) / DETECTOR_SIDE + self._anchors[sure][:, None])
        left = np.arange(len(sure))
        found = []
        while len(left):
            near = overlaps(lows[left[0]], highs[left[0]], lows[left], highs[left]) > SAME_FACE
            near[0] = True  # a box too small for its area to be a number would never be used up
            group, left = left[near], left[~near]
            low, high, spots = (self.mean(part[group], scores[group]) for part in (lows, highs, points))
            found.append(Detection(low, high, spots, scores[group]))
        return found

    def mean(self, values: Numbers, scores: Numbers) -> Numbers:
        """The mean of (n, …) values by the scores of their candidates."""
        weight = scores / scores.sum()
        return np.asarray(weight @ values if values.ndim == 2 else np.einsum("n,nij->ij", weight, values))


def pixels(shares: Numbers) -> Numbers:
    return np.asarray(shares * DETECTOR_SIDE, np.float32)


def anchors() -> npt.NDArray[np.float64]:
    """(896, 4) centre x, y and size of the candidates, in 0..1; the size is always 1."""
    levels = []
    for cells, each in GRIDS:
        middles = (np.arange(cells) + 0.5) / cells
        grid = np.stack(np.meshgrid(middles, middles), -1).reshape(-1, 2)
        levels.append(np.repeat(grid, each, axis=0))
    centres = np.concatenate(levels)
    return np.hstack([centres, np.ones_like(centres)])


def overlaps(low: Numbers, high: Numbers, lows: Numbers, highs: Numbers) -> Numbers:
    """(n,) what a box shares with each of several: intersection over union."""
    shared = np.prod(np.maximum(np.minimum(highs, high) - np.maximum(lows, low), 0), axis=-1)
    both = np.prod(high - low) + np.prod(highs - lows, axis=-1) - shared
    return np.asarray(shared / np.maximum(both, 1e-12), np.float32)
