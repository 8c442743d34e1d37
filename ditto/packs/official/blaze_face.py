"""The face in a crop, with six keypoints, which seeds the eye mesh: BlazeFace as the reference runs it.

It differs from that of ditto/faces in four things: the picture is squeezed into the network's square
whatever its sides, candidates are placed in double precision, their mean is a sum that is divided, and a
face's score is the mean of its candidates', not the surest one's.
"""

from __future__ import annotations

import cv2
import numpy as np

from ditto.arrays import Floats, Image, Numbers
from ditto.faces import blaze_face
from ditto.faces.blaze_face import DETECTOR_SIDE, Detection, anchors
from model_formats.backend import Network

__all__ = ["DETECTOR_SIDE", "BlazeFace", "anchors"]


class BlazeFace:
    """Finds faces in a picture; (n, 17) of box, keypoints and score, the surest first."""

    def __init__(self, network: Network, input_name: str = "input") -> None:
        self._faces_in = SquareDetector(network, input_name)

    def __call__(self, image: Image) -> Floats:
        """Columns: left, top, right, bottom in units of 1/128 picture; six x, y in 0..1; score."""
        found = self._faces_in(cv2.resize(image, (DETECTOR_SIDE, DETECTOR_SIDE)))
        return np.array([row(face) for face in found], np.float32).reshape(-1, 17)


class SquareDetector(blaze_face.BlazeFace):
    """The network with the reference's roundings."""

    precision = np.float64

    def mean(self, values: Numbers, scores: Numbers) -> Numbers:
        if len(scores) == 1:
            return np.asarray(values[0])
        return np.asarray((values.T * scores).T.sum(axis=0) / scores.sum())


def row(face: Detection) -> Floats:
    return np.concatenate([face.low, face.high, face.points.ravel() / DETECTOR_SIDE, [face.scores.mean()]])
