"""Paste-back: the painted square composited into its picture.

It is moved to its place and blended under a mask that fades towards the square's edge; everything
outside stays bit for bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats, Image
from ditto.packs.official.volume import Volume
from ditto.reference.networks import network_conventions
from ditto.stages.messages import Pose


class _Work:
    """Memory for the steps of a blend, kept between frames: fresh pages cost more than the arithmetic."""

    def __init__(self) -> None:
        self._held: dict[str, Floats | Image] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: type = np.float32) -> Floats | Image:
        """An array with anything in it; it was `name`'s before."""
        size = math.prod(shape)
        held = self._held.get(name)
        if held is None or held.size < size:
            held = self._held[name] = np.empty(size, dtype)
        return held[:size].reshape(shape)


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Place of a square in a picture, and its cover there."""

    to_frame: bytes  # the matrix this was made for
    shape: tuple[int, ...]  # of the picture
    box: tuple[slice, slice]  # rows, columns of the picture that are touched
    matrix: npt.NDArray[np.float64]  # (2, 3) from the square to the box
    cover: Floats  # (h, w, 3) 0..1; three equal channels multiply several times faster than one
    keep: Floats  # (h, w, 3) 1 - cover


class OfficialCompositor:
    """Lays the painted square over the source picture, touching nothing outside it."""

    def __init__(self, mask: Floats | None = None, compat: bool = False) -> None:
        """`mask` (h, w) in 0..1 has the square's size; `compat` blends as the reference does."""
        self._mask = feathered_mask(512, 512) if mask is None else mask
        self._blended = network_conventions(compat).blended
        self._work = _Work()
        self._place: _Place | None = None  # of the last source frame: a portrait has only one

    def __call__(self, pose: Pose[Volume], face: Floats) -> Image:
        return self.blend(pose.source.image, face, pose.source.to_frame)

    def blend(self, picture: Image, face: Floats, to_frame: Floats) -> Image:
        """A new picture with the (512, 512, 3) face in 0..255 at its place."""
        result: Image = picture.copy()
        place = self._placed(to_frame, picture.shape)
        if not place.cover.size:
            return result
        rows, columns = place.box
        size = (columns.stop - columns.start, rows.stop - rows.start)
        take, (height, width) = self._work.take, (size[1], size[0])
        square = take("square", (*face.shape[:2], 4))  # four channels are moved faster than three
        cv2.cvtColor(face, cv2.COLOR_RGB2RGBA, dst=square)
        moved = take("moved", (height, width, 4))
        cv2.warpAffine(square, place.matrix, size, dst=moved, flags=cv2.INTER_LINEAR)
        painted, kept = take("painted", (height, width, 3)), take("kept", (height, width, 3))
        cv2.cvtColor(moved, cv2.COLOR_RGBA2RGB, dst=painted)
        cv2.multiply(painted, place.cover, dst=painted)
        cv2.multiply(picture[place.box], place.keep, dst=kept, dtype=cv2.CV_32F)
        levels = take("levels", (height, width, 3), np.uint8)
        result[place.box] = self._blended(painted, kept, levels)
        return result

    def _placed(self, to_frame: Floats, shape: tuple[int, ...]) -> _Place:
        place, key = self._place, to_frame.tobytes()
        if place is None or place.to_frame != key or place.shape != shape:
            place = self._place = self._locate(to_frame, shape)
        return place

    def _locate(self, to_frame: Floats, shape: tuple[int, ...]) -> _Place:
        height, width = self._mask.shape
        # interpolation reaches one pixel of the square beyond its border
        outline = np.array([[-1, -1, 1], [width, -1, 1], [width, height, 1], [-1, height, 1]])
        landed = outline @ to_frame[:2].T.astype(np.float64)
        left, top = (max(0, math.floor(edge)) for edge in landed.min(axis=0))
        right = max(left, min(shape[1], math.ceil(landed[:, 0].max()) + 1))
        bottom = max(top, min(shape[0], math.ceil(landed[:, 1].max()) + 1))
        matrix = to_frame[:2].astype(np.float64)
        matrix[:, 2] -= (left, top)
        cover = np.zeros((0, 0, 3), np.float32)
        if right > left and bottom > top:
            warped = cv2.warpAffine(self._mask, matrix, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
            cover = np.repeat(np.asarray(np.clip(warped, 0, 1), np.float32)[..., None], 3, axis=2)
        box = (slice(top, bottom), slice(left, right))
        return _Place(to_frame.tobytes(), shape, box, matrix, cover, 1 - cover)


def mask_for(mode: str) -> Floats:
    """(512, 512) how strongly the square covers the picture, by the mode of blending."""
    soft = feathered_mask(512, 512)
    if mode == "replace":
        return np.ones_like(soft)
    return np.asarray(soft * 0.5 + 0.5, np.float32) if mode == "strong" else soft


def feathered_mask(width: int, height: int, inner_width: float = 0.9, inner_height: float = 0.9) -> Floats:
    """(height, width): 1 inside, falling to 0 at the border; `inner_*` are the full parts' shares."""
    across, down = (
        _fade(length, int(length * share)) for length, share in ((width, inner_width), (height, inner_height))
    )
    # beside an edge only one fade is below 1; in a corner the distance from the full part counts
    distance = np.hypot(1 - down[:, None], 1 - across[None, :])
    return np.asarray(1 - np.minimum(distance, 1), np.float32)


def _fade(length: int, full: int) -> npt.NDArray[np.float64]:
    """(length,): from 0 up to 1, `full` times 1, and down to 0."""
    before = (length - full) // 2
    after = length - full - before
    return np.concatenate([np.linspace(0, 1, before), np.ones(full), np.linspace(1, 0, after)])
