"""Matte of the official pack's person, found in every painted picture."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from ditto.arrays import Image
from ditto.packs.official.paste_back import feathered_mask
from ditto.packs.official.volume import Volume
from ditto.picture.cutout.cutout import Cutout, with_alpha
from ditto.picture.cutout.foreground import carried
from ditto.picture.cutout.matting import Matting, Person, SteadyAlpha
from ditto.source.avatar import SourceFrame
from ditto.stages.messages import Pose

FACE_SIDE = 512  # pixels of the painted square's side


class PaintedSilhouette:
    """Mask of a painted person: found in the picture, as it follows no mesh, and held against flicker.

    Outside the painted square the source's own mask stays.
    """

    def __init__(self, person: Person) -> None:
        self._matting = Matting(person)
        self._steady = SteadyAlpha()

    def prepare(self, frame: SourceFrame[Volume]) -> SourceFrame[Volume]:
        alpha = self._matting(frame.image, frame.landmarks if frame.seen else None)
        return dataclasses.replace(frame, cutout=Cutout.of(frame.image, alpha))

    def __call__(self, pose: Pose[Volume], image: Image) -> Image:
        """(h, w, 4): a finished picture with its mask."""
        source = pose.source
        still = np.asarray(source.person.alpha / np.float32(255), np.float32)
        mask = self._steady(image, self._matting(image, source.landmarks) if source.seen else still)
        height, width = mask.shape
        painted = cv2.warpAffine(feathered_mask(FACE_SIDE, FACE_SIDE), source.to_frame[:2], (width, height))
        mask = np.asarray(mask * painted + still * (1 - painted), np.float32)
        return with_alpha(carried(image, mask), mask)
