"""106 landmarks of a face from its box ("2d106det")."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats, Image
from model_formats.backend import Network

SIDE_106 = 192  # pixels of the square the network sees
POINTS_106 = 106
SIDE_PER_BOX = np.float32(1.5)  # side of the square in longest sides of the box

Matrix = npt.NDArray[np.float64]


class Landmark106:
    """Marks the face inside a box."""

    def __init__(self, network: Network, input_name: str = "data") -> None:
        self._network = network
        self._input_name = input_name

    def __call__(self, image: Image, box: Floats) -> Floats:
        """(106, 2) in pixels of the image."""
        blob, matrix = prepare(image, box)
        raw = np.asarray(next(iter(self._network.run({self._input_name: blob}).values())))
        points = raw.reshape(-1, 2)[-POINTS_106:]  # a file of a 3D variant has others before them
        back = cv2.invertAffineTransform(matrix)
        placed = ((points + 1) * (SIDE_106 // 2)).astype(np.float64) @ back[:, :2].T + back[:, 2]
        return np.asarray(placed, np.float32)


def prepare(image: Image, box: Floats) -> tuple[Floats, Matrix]:
    """(1, 3, 192, 192) as the network was trained: blue first, 0..255; and the (2, 3) crop matrix."""
    left, top, right, bottom = (np.float32(edge) for edge in box[:4])
    zoom = np.float32(SIDE_106) / (max(right - left, bottom - top) * SIDE_PER_BOX)
    x, y = (right + left) / 2 * zoom, (bottom + top) / 2 * zoom
    matrix = np.array([[zoom, 0, SIDE_106 / 2 - float(x)], [0, zoom, SIDE_106 / 2 - float(y)]], np.float64)
    part = cv2.warpAffine(image, matrix, (SIDE_106, SIDE_106), borderValue=0)
    blob = np.ascontiguousarray(part[..., ::-1].transpose(2, 0, 1), np.float32)
    return blob[None], matrix
