"""478 landmarks of a face, irises included: the mesh of MediaPipe's face landmarker.

Another network than that of ditto/faces/mesh.py: it sees 256 pixels, not 192, and gives all points at once,
not the mesh and its refined parts; its region is cut by a perspective, as the reference does it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats, Image, Numbers
from ditto.faces.outputs import output_with
from ditto.packs.official.blaze_face import DETECTOR_SIDE, BlazeFace
from ditto.packs.official.crop import Points
from ditto.reference.networks import network_conventions
from model_formats.backend import Network

MESH_SIDE = 256  # pixels of the square the network sees
POINTS = 478
REGION_PER_FACE = 1.5  # side of the region in longest sides of the face's box

Shape = Literal["long", "short", "as is"]


@dataclass(frozen=True, slots=True)
class Region:
    """A turned rectangle in pixels."""

    x: float  # centre
    y: float
    width: float
    height: float
    angle: float  # radians, -pi..pi

    @property
    def centre(self) -> npt.NDArray[np.float64]:
        return np.array([self.x, self.y])

    @property
    def size(self) -> npt.NDArray[np.float64]:
        return np.array([self.width, self.height])


class FaceMesh:
    """Marks the face inside a region."""

    def __init__(self, network: Network, input_name: str = "input") -> None:
        self._network = network
        self._input_name = input_name

    def __call__(self, image: Image, region: Region) -> Floats:
        """(478, 3): x, y in pixels of the image, depth in the same scale."""
        outputs = self._network.run({self._input_name: cut(image, region)})
        return place(output_with(3 * POINTS, outputs, "face_mesh").reshape(-1, 3), region)


class Landmark478:
    """Detector and mesh together, on a square crop around a face."""

    def __init__(self, detector: BlazeFace, mesh: FaceMesh, compat: bool = False) -> None:
        """`compat` places the mesh as the reference does."""
        self._detector = detector
        self._mesh = mesh
        self._scales = network_conventions(compat).mesh_scales

    def __call__(self, image: Image, known: Points) -> Floats:
        """(478, 3) in 0..1 of the picture, depth in picture widths.

        `known` landmarks of the face, (n, 2) in pixels, place the mesh where the detector misses it.
        """
        height, width = image.shape[:2]
        faces = self._detector(image)
        if len(faces):
            region = self._region(faces[0], width, height)
        else:
            region = face_region(np.concatenate([known.min(axis=0), known.max(axis=0)]))
        return np.asarray(self._mesh(image, region) / np.array([width, height, width]), np.float32)

    def _region(self, face: Floats, width: int, height: int) -> Region:
        box_scale, eye_scale = self._scales(width, height)
        eyes = face[4:8].reshape(2, 2) * eye_scale
        return face_region(face[:4] * np.tile(box_scale / DETECTOR_SIDE, 2), eyes)


def face_region(
    box: Numbers,
    eyes: Numbers | None = None,
    scale: float = REGION_PER_FACE,
    shape: Shape = "long",
) -> Region:
    """The region around a box (4,), turned with the line between two eyes (2, 2)."""
    left, top, right, bottom = (float(edge) for edge in box)
    width, height = right - left, bottom - top
    if shape != "as is":
        width = height = max(width, height) if shape == "long" else min(width, height)
    angle = 0.0
    if eyes is not None:
        across, down = (float(step) for step in eyes[1] - eyes[0])
        angle = math.atan2(down, across)
        angle -= 2 * math.pi * math.floor((angle + math.pi) / (2 * math.pi))
    return Region((left + right) / 2, (top + bottom) / 2, width * scale, height * scale, angle)


def cut(image: Image, region: Region) -> Floats:
    """(1, 256, 256, 3) in 0..1: the region, upright."""
    unit = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    source = _turn(unit * region.size, region.angle) + region.centre
    target = (unit + 0.5) * MESH_SIDE
    matrix = cv2.getPerspectiveTransform(source.astype(np.float32), target.astype(np.float32))
    part = cv2.warpPerspective(image, matrix, (MESH_SIDE, MESH_SIDE), flags=cv2.INTER_LINEAR)
    return np.asarray(part[None] / np.float32(255), np.float32)


def place(points: Floats, region: Region) -> Floats:
    """(478, 3) in pixels of the cut region -> in pixels of the picture."""
    flat = _turn(points[:, :2] / MESH_SIDE - 0.5, region.angle) * region.size + region.centre
    depth = points[:, 2:] / MESH_SIDE * region.width
    return np.hstack([flat, depth]).astype(np.float32)


def _turn(points: npt.NDArray[np.generic], angle: float) -> npt.NDArray[np.float64]:
    cos, sin = math.cos(angle), math.sin(angle)
    turned: npt.NDArray[np.float64] = points @ np.array([[cos, sin], [-sin, cos]])
    return turned
