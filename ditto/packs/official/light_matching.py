"""Matches the painted square's light to the picture around it, so that no seam is seen."""

from __future__ import annotations

import cv2
import numpy as np

from ditto.arrays import Floats, Image
from ditto.packs.base import Compositor
from ditto.packs.official.paste_back import feathered_mask
from ditto.packs.official.volume import Volume
from ditto.source.avatar import SourceFrame
from ditto.stages.messages import Pose

FACE_SIDE = 512  # pixels of the painted square
COARSE_SIDE = 32  # pixels of the square at which light is compared
SPREAD_PIXELS = 5.0  # coarse pixels over which what is seen at the border reaches inwards
MAX_LEVEL_DIFFERENCE = 40.0  # grey levels; a larger difference is no light but something else in the picture
KEPT_SHARE = 0.85  # share of the correction that stays from one frame to the next, against flicker


class Lit:
    """A compositor whose painted face has, at its border, the brightness and colour of the source."""

    def __init__(self, inner: Compositor[Volume, Floats]) -> None:
        self._inner = inner
        mask = feathered_mask(FACE_SIDE, FACE_SIDE)
        seam = ((mask > 0) & (mask < 1)).astype(np.float32)
        self._seam = np.asarray(
            cv2.resize(seam, (COARSE_SIDE, COARSE_SIDE), interpolation=cv2.INTER_AREA), np.float32
        )
        self._source: SourceFrame[Volume] | None = None
        self._own: Floats | None = None  # (COARSE_SIDE, COARSE_SIDE, 3) of the source under the square
        self._correction: Floats | None = None

    def __call__(self, pose: Pose[Volume], face: Floats) -> Image:
        return self._inner(pose, face + self._wanted(pose.source, face))

    def _wanted(self, source: SourceFrame[Volume], face: Floats) -> Floats:
        """(FACE_SIDE, FACE_SIDE, 3) grey levels to add."""
        if self._own is None or self._source is not source:
            back = np.linalg.inv(source.to_frame.astype(np.float64))[:2]
            under = np.asarray(
                cv2.warpAffine(source.image, back, (FACE_SIDE, FACE_SIDE), borderMode=cv2.BORDER_REPLICATE),
                np.uint8,
            )
            self._own, self._source = coarse(under), source
        difference = np.clip(self._own - coarse(face), -MAX_LEVEL_DIFFERENCE, MAX_LEVEL_DIFFERENCE)
        weighed = cv2.GaussianBlur(difference * self._seam[..., None], (0, 0), SPREAD_PIXELS)
        weight = cv2.GaussianBlur(self._seam, (0, 0), SPREAD_PIXELS)
        found = np.asarray(weighed / np.maximum(weight, 1e-4)[..., None], np.float32)
        if self._correction is not None:
            found = np.asarray(self._correction * KEPT_SHARE + found * (1 - KEPT_SHARE), np.float32)
        self._correction = found
        return np.asarray(
            cv2.resize(found, (FACE_SIDE, FACE_SIDE), interpolation=cv2.INTER_CUBIC), np.float32
        )


def coarse(square: Image | Floats) -> Floats:
    small = cv2.resize(square, (COARSE_SIDE, COARSE_SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)
