"""The whole picture made finer by a super-resolution network, tile by tile, brought back to its size.

A video of a portrait changes little: a tile that shows the same as in the frame before is not
computed again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from cfg.errors import ConfigError, ModelError
from cfg.settings import EnhanceSettings
from ditto.arrays import Floats, Image
from ditto.picture.enhancers.networks import check_numbers, onnx_file
from ditto.stages.messages import Pose
from model_formats.shared import SharedModels

MAX_TILE_SIDE = 4096  # pixels a side of what a tile may become
PROBE_SIDE = 16  # pixels a side of the picture that shows how many times larger a network makes it
TILE_OVERLAP = 16  # pixels tiles share on every side: what a network sees at a border is not used


@dataclass(slots=True, eq=False)
class Tile:
    """One tile of the frame before."""

    seen: Image  # what went in
    finer: Image  # what came out, at the size of what went in, without its borders


class Upscaled:
    """An enhancer that runs a network of the Real-ESRGAN kind: (1, 3, h, w) RGB in 0..1, larger out."""

    def __init__(self, model: Any, strength: float = 1.0, tile: int = 256) -> None:
        self._model = model
        self._strength = strength
        self._name, fixed = picture_input(model)
        self._tile = fixed or tile
        if self._tile <= 2 * TILE_OVERLAP:
            raise ConfigError(f"a tile of {self._tile} pixels leaves nothing between its borders")
        self._known: dict[tuple[int, int], Tile] = {}
        if (larger := self._enlarged(fixed)) > MAX_TILE_SIDE:
            raise ModelError(
                f"the upscaler makes a tile of {self._tile} pixels {larger / self._tile:g} times larger, "
                f"{larger} a side, but at most {MAX_TILE_SIDE} are computed; "
                "take one that enlarges less, or a smaller enhance.tile_size"
            )

    @classmethod
    def opened(cls, settings: EnhanceSettings, models: SharedModels) -> Upscaled:
        return cls(
            models.open(onnx_file(settings.upscaler, "upscaler")), settings.strength, settings.tile_size
        )

    def __call__(self, pose: Pose[object], image: Image) -> Image:
        result = np.empty_like(image)
        inner = self._tile - 2 * TILE_OVERLAP
        padded = framed(image, inner)
        for row, column in corners(image.shape, inner):
            seen = padded[row : row + self._tile, column : column + self._tile]
            height, width = min(inner, image.shape[0] - row), min(inner, image.shape[1] - column)
            finer = self._finer((row, column), seen)
            result[row : row + height, column : column + width] = finer[:height, :width]
        if self._strength < 1:
            return np.asarray(cv2.addWeighted(result, self._strength, image, 1 - self._strength, 0), np.uint8)
        return result

    def _finer(self, place: tuple[int, int], seen: Image) -> Image:
        known = self._known.get(place)
        if known is None or not np.array_equal(known.seen, seen):
            known = self._known[place] = Tile(seen.copy(), self._computed(seen))
        return known.finer

    def _enlarged(self, fixed: int) -> int:
        """Pixels a side that a tile becomes; 0 where only trying would tell."""
        if fixed:
            shape = next(iter(self._model.outputs.values()), ())
            return max((side or 0 for side in shape[2:]), default=0)
        try:
            sample = self._run(np.zeros((PROBE_SIDE, PROBE_SIDE, 3), np.uint8))
        except ModelError:
            return 0
        return max(sample.shape[2:], default=0) * self._tile // PROBE_SIDE

    def _run(self, seen: Image) -> Floats:
        feed = (seen.astype(np.float32) / np.float32(255)).transpose(2, 0, 1)[None]
        return np.asarray(next(iter(self._model.run({self._name: feed}).values())), np.float32)

    def _computed(self, seen: Image) -> Image:
        result = self._run(seen)
        side = self._tile
        if result.ndim != 4 or result.shape[1] != 3 or result.shape[2] % side or result.shape[3] % side:
            raise ModelError(
                f"the upscaler made {result.shape} of a tile of {side}: not a whole number of times larger"
            )
        check_numbers(result, "upscaler")
        levels = np.clip(np.rint(result[0].transpose(1, 2, 0) * 255), 0, 255).astype(np.uint8)
        smaller = cv2.resize(levels, (side, side), interpolation=cv2.INTER_AREA)
        return np.ascontiguousarray(smaller[TILE_OVERLAP:-TILE_OVERLAP, TILE_OVERLAP:-TILE_OVERLAP], np.uint8)


def picture_input(model: Any) -> tuple[str, int]:
    """The name of the one input, and the side it is fixed to; 0 where any will do."""
    inputs = dict(model.inputs)
    if len(inputs) == 1:
        (name, shape), *_ = inputs.items()
        if len(shape) == 4 and shape[1] in (3, None) and shape[2] == shape[3]:
            return name, shape[2] or 0
    raise ModelError(f"the upscaler takes {inputs}, but must take one (1, 3, side, side) picture")


def framed(image: Image, inner: int) -> Image:
    """The picture with mirrored borders, so large that whole tiles cover it."""
    height, width = image.shape[:2]
    below, right = -height % inner + TILE_OVERLAP, -width % inner + TILE_OVERLAP
    kind = cv2.BORDER_REFLECT_101 if min(height, width) > 1 else cv2.BORDER_REPLICATE
    return np.asarray(cv2.copyMakeBorder(image, TILE_OVERLAP, below, TILE_OVERLAP, right, kind), np.uint8)


def corners(shape: tuple[int, ...], inner: int) -> Iterator[tuple[int, int]]:
    for row in range(0, shape[0], inner):
        for column in range(0, shape[1], inner):
            yield row, column
