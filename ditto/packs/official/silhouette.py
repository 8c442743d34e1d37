"""Matte of the official pack's person, found in every painted picture."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from ditto.arrays import Floats, Image
from ditto.packs.official.paste_back import feathered_mask
from ditto.packs.official.volume import Volume
from ditto.picture.matting import SMALL, Matting, Person, behind, foreground, steadied
from ditto.source.avatar import SourceFrame
from ditto.stages.messages import Pose

FACE_SIDE = 512  # pixels of the painted square's side


class PaintedSilhouette:
    """Mask of a painted person: found in the picture, as it follows no mesh, and held against flicker.

    Outside the painted square the source's own mask stays.
    """

    def __init__(self, person: Person) -> None:
        self._matting = Matting(person)
        self._before: tuple[Image, Floats] | None = None

    def prepare(self, frame: SourceFrame[Volume]) -> SourceFrame[Volume]:
        mask = self._matting(frame.image, frame.landmarks if frame.seen else None)
        return dataclasses.replace(
            frame, mask=np.rint(mask * 255).astype(np.uint8), behind=behind(frame.image, mask, SMALL)
        )

    def __call__(self, pose: Pose[Volume], image: Image) -> Image:
        """(h, w, 4): a finished picture with its mask."""
        source = pose.source
        assert source.mask is not None
        still = np.asarray(source.mask / np.float32(255), np.float32)
        mask = self._matting(image, source.landmarks) if source.seen else still
        grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
        if self._before is not None and self._before[1].shape == mask.shape:
            mask = steadied(self._before, grey, mask)
        self._before = (grey, mask)
        height, width = mask.shape
        painted = cv2.warpAffine(feathered_mask(FACE_SIDE, FACE_SIDE), source.to_frame[:2], (width, height))
        mask = np.asarray(mask * painted + still * (1 - painted), np.float32)
        return np.dstack([foreground(image, mask), np.rint(mask * 255).astype(np.uint8)])
