"""203 landmarks of a face from an upright crop of it."""

from __future__ import annotations

import numpy as np

from ditto.arrays import Floats, Image
from ditto.faces.outputs import output_with
from ditto.packs.official.crop import Points, move
from model_formats.backend import Network

SIDE_203 = 224  # pixels of the crop
POINTS_203 = 203


class Landmark203:
    """Marks the face in a crop."""

    def __init__(self, network: Network, input_name: str = "input") -> None:
        self._network = network
        self._input_name = input_name

    def __call__(self, crop: Image, to_frame: Points | None = None) -> Points:
        """(224, 224, 3) -> (203, 2) in pixels of the crop, or of the picture `to_frame` leads to."""
        outputs = self._network.run({self._input_name: unit_planes(crop)})
        points = output_with(2 * POINTS_203, outputs, "landmark203").reshape(-1, 2) * SIDE_203
        return points if to_frame is None else move(points, to_frame)


def unit_planes(image: Image) -> Floats:
    """(h, w, 3) in 0..255 -> (1, 3, h, w) in 0..1."""
    planes = np.ascontiguousarray(image.transpose(2, 0, 1), np.float32)[None]
    return np.asarray(planes / np.float32(255), np.float32)
