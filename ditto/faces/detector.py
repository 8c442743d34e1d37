"""Faces in a picture, large, small or tilted."""

from __future__ import annotations

import cv2
import numpy as np

from ditto.arrays import Image, Numbers
from ditto.faces.blaze_face import DETECTOR_SIDE, SAME_FACE, BlazeFace, Detection, overlaps
from model_formats.backend import Backend

SURE_SCORE = 0.85  # a face seen upright scores at least this
LARGE_FACE_SHARE = 0.15  # share of the picture's longer side from which a face is the one that is meant
CLEAR_FACE_SCORE = 0.75  # that such a face scores
MAX_UPRIGHT_DEGREES = 30.0  # degrees by which such a face may be turned
SAME_WAY_DEGREES = 60.0  # degrees between two candidates in one place below which they are one
TILT_DEGREES = (45, -45, 90, -90, 135, -135, 180)  # degrees; the network sees faces within some 45 of upright
TILINGS = (2, 4)  # the picture is looked at whole, and in tiles of its longer side through these
LAST_TILING = 8  # and through this, where nothing has been found
MIN_CONTRAST_LEVELS = 10  # between the darkest and the brightest spot, below which nothing is to be seen
CLOSE_VIEWS = (
    1.3,
    1.4,
    1.55,
    1.7,
    1.9,
    2.2,
)  # sizes of the squares in which a face is looked at again, in face sizes


class FaceDetector:
    """BlazeFace over the whole picture, over tiles of it, and over turned copies."""

    def __init__(self, network: Backend) -> None:
        (input_name,) = network.inputs
        self._faces_in = BlazeFace(network, input_name)

    def __call__(self, image: Image, thorough: bool = True, brief: bool = False) -> list[Detection]:
        """Candidates, the largest first. Where it is not clear which way up a face is, it is there twice.

        Unless `thorough`, smaller and tilted ones are not looked for beside a large, clear, upright face.
        A `brief` search, of a twentieth of the time, leaves out those that are small.
        """
        height, width = image.shape[:2]
        copies = halvings(image)
        if np.ptp(copies[-1]) < MIN_CONTRAST_LEVELS:
            return []
        longest, middle = max(height, width), (width / 2, height / 2)
        found = self._tiled(copies, 1, 0)
        if not thorough and any(plain(face, longest) for face in found):
            return sorted(distinct(found), key=lambda face: -face.size)
        for finer in TILINGS[:1] if brief else TILINGS:
            found += self._tiled(copies, finer, 0)
        for tilt in TILT_DEGREES:
            found += self._square(copies, middle, longest, tilt)
        if brief:
            return sorted(distinct(found), key=lambda face: -face.size)
        if max((face.score for face in found), default=0.0) < SURE_SCORE:
            for tilt in TILT_DEGREES:
                found += self._tiled(copies, TILINGS[0], tilt)
        if not found:
            found = self._tiled(copies, LAST_TILING, 0)
        return sorted(distinct(found), key=lambda face: -face.size)

    def certainty(self, image: Image, centre: Numbers, size: float, angle: float) -> float:
        """0..1: how sure a face of `size` pixels, turned by `angle` radians, is there when seen close."""
        copies = halvings(image)
        total = 0.0
        for share in CLOSE_VIEWS:
            faces = self._square(copies, (centre[0], centre[1]), share * size, float(np.degrees(angle)))
            total += max((face.score for face in faces), default=0.0)
        return total / len(CLOSE_VIEWS)

    def _tiled(self, copies: list[Image], finer: int, tilt: float) -> list[Detection]:
        height, width = copies[0].shape[:2]
        side = max(height, width) / finer
        found: list[Detection] = []
        for y in tile_centres(height, side):
            for x in tile_centres(width, side):
                found += self._square(copies, (x, y), side, tilt)
        return found

    def _square(
        self, copies: list[Image], centre: tuple[float, float], side: float, tilt: float
    ) -> list[Detection]:
        """Faces in a square of the picture, turned upright."""
        matrix = np.array(cv2.getRotationMatrix2D(centre, tilt, DETECTOR_SIDE / side), np.float64)
        matrix[:, 2] += DETECTOR_SIDE / 2 - np.asarray(centre)
        # an ordinary warp would skip pixels of a large picture
        source = copies[min(len(copies) - 1, max(0, int(np.log2(max(side, 1) / DETECTOR_SIDE))))]
        near = matrix.copy()
        near[:, 0] *= copies[0].shape[1] / source.shape[1]
        near[:, 1] *= copies[0].shape[0] / source.shape[0]
        part = cv2.warpAffine(source, near, (DETECTOR_SIDE, DETECTOR_SIDE))
        back = np.array(cv2.invertAffineTransform(matrix), np.float64)
        return [placed(face, back) for face in self._faces_in(part)]


def plain(face: Detection, longest: float) -> bool:
    """Whether a face is so large, sure and upright that nobody would mean another one."""
    upright = abs(np.degrees(face.angle)) < MAX_UPRIGHT_DEGREES
    return bool(face.score >= CLEAR_FACE_SCORE and upright and face.size >= LARGE_FACE_SHARE * longest)


def placed(face: Detection, matrix: Numbers) -> Detection:
    """A detection in the network's square, moved into the picture."""
    zoom = float(np.hypot(*matrix[:, 0]))
    middle = matrix[:, :2] @ ((face.low + face.high) / 2) + matrix[:, 2]
    half = (face.high - face.low) / 2 * zoom
    points = face.points @ matrix[:, :2].T + matrix[:, 2]
    return Detection(middle - half, middle + half, points, face.scores)


def halvings(image: Image) -> list[Image]:
    """The picture, and copies of half the size of the one before, down to what the network sees."""
    copies = [image]
    while max(copies[-1].shape[:2]) >= 2 * DETECTOR_SIDE:
        height, width = (max(1, length // 2) for length in copies[-1].shape[:2])
        copies.append(
            np.asarray(cv2.resize(copies[-1], (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        )
    return copies


def distinct(faces: list[Detection]) -> list[Detection]:
    """One of each face that was seen several times the same way up, the surest."""
    kept: list[Detection] = []
    for face in sorted(faces, key=lambda f: -f.score):
        if not any(same(face, other) for other in kept):
            kept.append(face)
    return kept


def same(face: Detection, other: Detection) -> bool:
    apart = np.degrees(abs((face.angle - other.angle + np.pi) % (2 * np.pi) - np.pi))
    shared = overlaps(face.low, face.high, other.low[None], other.high[None])[0]
    return bool(shared > SAME_FACE and apart < SAME_WAY_DEGREES)


def tile_centres(length: float, side: float) -> Numbers:
    count = max(1, int(np.ceil(length / side * 2)) - 1)
    if count == 1:
        return np.array([length / 2], np.float32)
    return np.linspace(side / 2, length - side / 2, count, dtype=np.float32)
