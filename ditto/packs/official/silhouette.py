"""Matte of the official pack's person, found in every painted picture."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from ditto.arrays import Image
from ditto.media.segments import PIECE_FRAMES
from ditto.packs.official.paste_back import feathered_mask
from ditto.packs.official.volume import Volume
from ditto.picture.cutout.alpha_network import Matte
from ditto.picture.cutout.cutout import Cutout, with_alpha
from ditto.picture.cutout.foreground import carried
from ditto.picture.cutout.matting import Person, SteadyAlpha, matting_by
from ditto.source.avatar import SourceFrame
from ditto.stages.messages import Pose

FACE_SIDE = 512  # pixels of the painted square's side


class PaintedSilhouette:
    """Mask of a painted person: found in the picture, as it follows no mesh, and held against flicker.

    Outside the painted square the source's own mask stays.
    """

    def __init__(self, person: Person) -> None:
        self._person = person
        self._source, self._painted = matting_by(person), matting_by(person)
        self._steady = SteadyAlpha()

    def prepare(self, frame: SourceFrame[Volume]) -> SourceFrame[Volume]:
        matte = self._source(frame.image, frame.landmarks if frame.seen else None)
        return dataclasses.replace(frame, cutout=Cutout.of(frame.image, matte.alpha, matte.foreground))

    def __call__(self, pose: Pose[Volume], image: Image) -> Image:
        """(h, w, 4): a finished picture with its mask."""
        source = pose.source
        if pose.index % PIECE_FRAMES == 0:  # a piece of a long video shall not depend on the one before it
            self._painted, self._steady = matting_by(self._person), SteadyAlpha()
        still = np.asarray(source.person.alpha / np.float32(255), np.float32)
        matte = self._painted(image, source.landmarks) if source.seen else Matte(still)
        mask = self._steady(image, matte.alpha)
        height, width = mask.shape
        painted = cv2.warpAffine(feathered_mask(FACE_SIDE, FACE_SIDE), source.to_frame[:2], (width, height))
        mask = np.asarray(mask * painted + still * (1 - painted), np.float32)
        return with_alpha(carried(image, mask) if matte.foreground is None else matte.foreground, mask)
