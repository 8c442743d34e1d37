"""Mask of the pixels that belong to the person."""

from __future__ import annotations

import cv2
import numpy as np

from ditto.arrays import Image, Numbers
from model_formats.backend import Backend

MASK_SIDE = 256  # pixels of the square the network sees


class PersonMask:
    """Selfie segmentation."""

    def __init__(self, network: Backend) -> None:
        self._network = network
        (self._input,) = network.inputs

    def __call__(self, image: Image) -> Numbers:
        """(h, w) in 0..1 for a picture of any size."""
        small = np.asarray(
            cv2.resize(image, (MASK_SIDE, MASK_SIDE), interpolation=cv2.INTER_AREA), np.float32
        )
        (raw, *_) = self._network.run({self._input: small[None] / 255}).values()
        size = (image.shape[1], image.shape[0])
        large = cv2.resize(
            np.asarray(raw).reshape(MASK_SIDE, MASK_SIDE), size, interpolation=cv2.INTER_LINEAR
        )
        return np.asarray(np.clip(large, 0, 1))
