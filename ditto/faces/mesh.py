"""478 landmarks of one face: the mesh of 468, its lips and eyes refined, and two irises of five."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ditto.arrays import Image, Numbers
from ditto.faces.blaze_face import Detection
from model_formats.backend import Backend

MESH_SIDE = 192  # pixels of the square the network sees
REGION_PER_FACE = 1.5  # size of the square in face sizes
POINTS = 478
LEFT_EYE, RIGHT_EYE = 33, 263  # outer corners, image left and image right

# fmt: off
LIP_POINTS = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409,
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415,
    76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408,
    62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407,
)
LEFT_LIDS = (
    33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173,
    130, 25, 110, 24, 23, 22, 26, 112, 243, 247, 30, 29, 27, 28, 56, 190,
    226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221, 189,
    35, 124, 46, 53, 52, 65, 143, 111, 117, 118, 119, 120, 121, 128, 245,
    156, 70, 63, 105, 66, 107, 55, 193,
)
RIGHT_LIDS = (
    263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398,
    359, 255, 339, 254, 253, 252, 256, 341, 463, 467, 260, 259, 257, 258, 286, 414,
    446, 261, 448, 449, 450, 451, 452, 453, 464, 342, 445, 444, 443, 442, 441, 413,
    265, 353, 276, 283, 282, 295, 372, 340, 346, 347, 348, 349, 350, 357, 465,
    383, 300, 293, 334, 296, 336, 285, 417,
)
# fmt: on
LID_EDGE_POINTS = 16  # the first so many of each eye's points lie on the lids' edges
REFINED = {
    "output_lips": LIP_POINTS,
    "output_left_eye": LEFT_LIDS,
    "output_right_eye": RIGHT_LIDS,
    "output_left_iris": tuple(range(468, 473)),
    "output_right_iris": tuple(range(473, 478)),
}
IRISES = ((468, LEFT_LIDS[:LID_EDGE_POINTS]), (473, RIGHT_LIDS[:LID_EDGE_POINTS]))


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A turned square of the picture."""

    centre: Numbers  # (2,) pixels
    side: float  # pixels
    angle: float  # radians, clockwise as seen

    def matrix(self) -> Numbers:
        """(2, 3) from the network's square to the picture."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        turn = np.array([[cos, -sin], [sin, cos]]) * self.side / MESH_SIDE
        return np.hstack([turn, (self.centre - turn @ np.full(2, MESH_SIDE / 2))[:, None]])


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Landmarks that the mesh network finds in a region."""

    landmarks: Numbers  # (478, 3) pixels of the picture, depth in the same scale
    presence: float  # 0..1, how sure it is that there is a face


class FaceMesh:
    """Marks the face inside a region."""

    def __init__(self, network: Backend) -> None:
        self._network = network
        (self._input,) = network.inputs

    def __call__(self, image: Image, region: Region) -> Mesh:
        matrix = region.matrix()
        part = shrunk_warp(image, matrix, MESH_SIDE)
        given = self._network.run({self._input: part[None].astype(np.float32) / 255})
        outputs = {name: np.asarray(array) for name, array in given.items()}
        raw = np.zeros((POINTS, 3), np.float64)
        raw[:468] = outputs["output_mesh_identity"].reshape(-1, 3)
        for name, indices in REFINED.items():
            raw[list(indices), :2] = outputs[name].reshape(-1, 2)
        for first, lids in IRISES:
            raw[first : first + 5, 2] = raw[list(lids), 2].mean()
        landmarks = np.empty((POINTS, 3), np.float32)
        landmarks[:, :2] = raw[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        landmarks[:, 2] = raw[:, 2] * region.side / MESH_SIDE
        flag = float(outputs["conv_faceflag"].reshape(-1)[0])
        return Mesh(landmarks, 1 / (1 + np.exp(-np.clip(flag, -60, 60))))


def shrunk_warp(image: Image, matrix: Numbers, side: int) -> Image:
    """The (side, side) view that `matrix` leads out of, without skipping pixels of a large picture."""
    zoom = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if zoom > 2:
        # whole pixels are averaged several times faster than parts of them
        times = min(int(np.ceil(zoom / 2)), *image.shape[:2])
        height, width = (length // times for length in image.shape[:2])
        whole = image[: height * times, : width * times]
        image = np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        matrix = matrix / times
    view = cv2.warpAffine(
        image,
        matrix,
        (side, side),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(view, np.uint8)


def region_of_detection(face: Detection) -> Region:
    """Around a detected face, turned with its eyes."""
    return Region((face.low + face.high) / 2, REGION_PER_FACE * face.size, face.angle)


def region_of_landmarks(landmarks: Numbers) -> Region:
    """Around known landmarks, turned with the eyes."""
    points = landmarks[:468, :2].astype(np.float64)
    across = points[RIGHT_EYE] - points[LEFT_EYE]
    angle = float(np.arctan2(across[1], across[0]))
    cos, sin = np.cos(angle), np.sin(angle)
    upright = points @ np.array([[cos, -sin], [sin, cos]])
    low, high = upright.min(axis=0), upright.max(axis=0)
    centre = np.array([[cos, -sin], [sin, cos]]) @ ((low + high) / 2)
    return Region(centre, REGION_PER_FACE * float(np.max(high - low)), angle)
