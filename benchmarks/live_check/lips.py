"""Mouth of a face in received pictures, by the engine's own face mesh."""

from __future__ import annotations

import numpy as np

from ditto import bundled
from ditto.arrays import Image, Numbers
from ditto.faces.finder import FaceFinder

UPPER, LOWER = 13, 14  # mesh points of the inner lips
LEFT, RIGHT = 33, 263  # and of the outer corners of the eyes
MARGIN = 1.6  # of the face's size: what is kept around it


class Lips:
    """Follows one face from picture to picture."""

    def __init__(self) -> None:
        self._finder = FaceFinder.open(bundled.FOLDER)

    def close(self) -> None:
        self._finder.close()

    def region(self, image: Image) -> tuple[float, float, float] | None:
        """Left, top and side of the square around the largest face; None where there is none."""
        faces = self._finder.find(image)
        if not faces:
            return None
        left, top, right, bottom = map(float, faces[0].box)
        side = MARGIN * faces[0].size
        return (left + right - side) / 2, (top + bottom - side) / 2, side

    def openings(self, grey: Image) -> Numbers:
        """(n,) how far the lips are apart, in distances of the eyes; NaN where no face is seen."""
        found = np.full(len(grey), np.nan)
        before: Numbers | None = None
        for place, picture in enumerate(grey):
            image: Image = np.repeat(picture[..., None], 3, axis=2)
            face = None if before is None else self._finder.track(image, before)
            if face is None:
                face = next(iter(self._finder.find(image)), None)
            before = None if face is None else face.landmarks
            if before is not None:
                found[place] = distance(before, UPPER, LOWER) / distance(before, LEFT, RIGHT)
        return found


def distance(landmarks: Numbers, one: int, other: int) -> float:
    return float(np.linalg.norm(landmarks[one, :2] - landmarks[other, :2]))
