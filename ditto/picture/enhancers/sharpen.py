"""The built-in enhancer: the face a little crisper, without halos, the rest of the picture untouched."""

from __future__ import annotations

import cv2
import numpy as np

from ditto.arrays import Floats, Image
from ditto.faces.outline import outline, size_of
from ditto.stages.messages import Pose

DETAIL_RADIUS = 0.006  # of the face's height: the size of what is made crisper
MAX_DETAIL_SHARE = 1.4  # share of the detail that is added at full strength
NOISE_LEVELS = 2.0  # levels below which detail is grain, and left alone
MAX_OVERSHOOT_LEVELS = 1.0  # levels a pixel may pass what lies around it: no halos


class Sharpened:
    """An enhancer that needs no model."""

    def __init__(self, strength: float = 1.0) -> None:
        self._strength = strength
        self._landmarks: Floats | None = None
        self._box = (slice(0), slice(0))
        self._weight: Floats = np.zeros((0, 0), np.float32)
        self._sigma = 1.0

    def __call__(self, pose: Pose[object], image: Image) -> Image:
        self._locate(pose.source.landmarks, image.shape)
        part = image[self._box]
        if not part.size:
            return image
        result: Image = image.copy()
        brightness = np.asarray(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), np.float32)
        detail = brightness - cv2.GaussianBlur(brightness, (0, 0), self._sigma)
        detail = np.sign(detail) * np.maximum(np.abs(detail) - NOISE_LEVELS, 0)
        wanted = brightness + detail * (MAX_DETAIL_SHARE * self._strength)
        around = np.ones((3, 3), np.uint8)
        least = cv2.erode(brightness, around) - MAX_OVERSHOOT_LEVELS
        most = cv2.dilate(brightness, around) + MAX_OVERSHOOT_LEVELS
        added = (np.clip(wanted, least, most) - brightness) * self._weight
        result[self._box] = np.clip(np.rint(part + added[..., None]), 0, 255).astype(np.uint8)
        return result

    def _locate(self, landmarks: Floats, shape: tuple[int, ...]) -> None:
        """Soft mask of the face; found once for a portrait."""
        if landmarks is self._landmarks:
            return
        self._landmarks = landmarks
        size = size_of(landmarks)
        self._sigma = max(0.6, DETAIL_RADIUS * size)
        polygon = outline(landmarks, "face")
        soft = 0.05 * size
        left, top = np.maximum(np.floor(polygon.min(axis=0) - 2 * soft), 0).astype(int)
        right, bottom = np.ceil(polygon.max(axis=0) + 2 * soft).astype(int)
        self._box = (slice(int(top), min(int(bottom), shape[0])), slice(int(left), min(int(right), shape[1])))
        height = max(0, self._box[0].stop - self._box[0].start)
        width = max(0, self._box[1].stop - self._box[1].start)
        drawn = np.zeros((height, width), np.uint8)
        if drawn.size:
            cv2.fillPoly(drawn, [np.rint(polygon - (left, top)).astype(np.int32)], 255)
            drawn = np.asarray(cv2.GaussianBlur(drawn, (0, 0), max(0.5, soft)), np.uint8)
        self._weight = drawn.astype(np.float32) / np.float32(255)
