"""Faces restored by GFPGAN, RestoreFormer or CodeFormer, from an ONNX file the user brings.

All three take a (1, 3, 512, 512) upright RGB face in -1..1 and give one back; CodeFormer also
takes a number, how faithful to stay. Only the change they make is laid on the picture, and where
the picture rests the change is averaged over frames, so that skin and hair do not flicker while
the lips stay crisp.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from cfg.errors import ModelError
from cfg.settings import EnhanceSettings
from ditto.arrays import Floats, Image
from ditto.media.segments import PIECE_FRAMES
from ditto.picture.enhancers.aligned import CROP_SIDE, Aligner
from ditto.picture.enhancers.networks import check_numbers, restorer_file
from ditto.stages.messages import Pose
from model_formats.shared import SharedModels

MOVING_LEVELS = (3.0, 12.0)  # grey levels of change between which a pixel passes from resting to moving
MAX_LAG_SHARE = 0.85  # share of the frame before in a resting pixel, at full smoothing


class Restored:
    """An enhancer that runs a face restorer."""

    def __init__(
        self, model: Any, strength: float = 1.0, fidelity: float = 0.7, smoothing: float = 0.5
    ) -> None:
        self._model = model
        self._strength, self._fidelity = strength, fidelity
        self._lag = MAX_LAG_SHARE * smoothing
        self._face, self._weight = roles(model)
        self._aligner = Aligner()
        self._before: tuple[Image, Floats] | None = None  # cut and change

    @classmethod
    def opened(cls, settings: EnhanceSettings, models: SharedModels) -> Restored:
        model = models.open(restorer_file(settings))
        return cls(model, settings.strength, settings.fidelity, settings.smoothing)

    def __call__(self, pose: Pose[object], image: Image) -> Image:
        alignment = self._aligner(pose, image)
        cut = alignment.cut(image)
        change = self._restored(cut) - cut
        if pose.index % PIECE_FRAMES == 0:
            self._before = None  # a piece of a long video shall not depend on the one before it
        if self._before is not None and self._lag > 0:
            change = smoothed_change(change, cut, *self._before, self._lag)
        self._before = (cut, change)
        return alignment.lay(image, change, self._strength)

    def _restored(self, cut: Image) -> Floats:
        """(CROP_SIDE, CROP_SIDE, 3) in 0..255."""
        face = cut.astype(np.float32).transpose(2, 0, 1)[None] / np.float32(127.5) - 1
        feeds: dict[str, Any] = {self._face: face}
        if self._weight is not None:
            shape = tuple(n or 1 for n in self._model.inputs[self._weight])
            feeds[self._weight] = np.full(shape, self._fidelity)
        result = np.asarray(next(iter(self._model.run(feeds).values())), np.float32)
        if result.shape != (1, 3, CROP_SIDE, CROP_SIDE):
            raise ModelError(
                f"the enhancer gave {result.shape}, but must give (1, 3, {CROP_SIDE}, {CROP_SIDE})"
            )
        check_numbers(result, "enhancer")
        levels: Floats = (np.clip(result[0], -1, 1).transpose(1, 2, 0) + 1) * np.float32(127.5)
        return levels


def roles(model: Any) -> tuple[str, str | None]:
    """The names of the face's input, and of the fidelity's where there is one."""
    inputs = dict(model.inputs)
    faces = [name for name, shape in inputs.items() if len(shape) == 4]
    numbers = [name for name, shape in inputs.items() if len(shape) <= 1]
    fits = len(faces) == 1 and all(
        n in (None, wanted) for n, wanted in zip(inputs[faces[0]], (1, 3, CROP_SIDE, CROP_SIDE), strict=True)
    )
    if not fits or len(numbers) > 1 or len(faces) + len(numbers) != len(inputs):
        raise ModelError(
            f"the enhancer takes {inputs}, but a restorer of faces takes one "
            f"(1, 3, {CROP_SIDE}, {CROP_SIDE}) picture, and at most one number beside it"
        )
    made = next(iter(model.outputs.values()), ())
    if any(n not in (None, wanted) for n, wanted in zip(made, (1, 3, CROP_SIDE, CROP_SIDE), strict=False)):
        raise ModelError(f"the enhancer gives {made}, but must give (1, 3, {CROP_SIDE}, {CROP_SIDE})")
    return faces[0], numbers[0] if numbers else None


def smoothed_change(
    change: Floats, cut: Image, cut_before: Image, change_before: Floats, lag: float
) -> Floats:
    """The change averaged with the frame before where the picture rests, itself where it moves."""
    moved = cv2.absdiff(cut, cut_before).max(axis=2)
    moved = cv2.GaussianBlur(cv2.dilate(moved, np.ones((5, 5), np.uint8)), (0, 0), 3)
    low, high = MOVING_LEVELS
    resting = np.float32(1) - np.clip((moved.astype(np.float32) - low) / (high - low), 0, 1)
    share = (resting * np.float32(lag))[..., None]
    return np.asarray(change + (change_before - change) * share, np.float32)
