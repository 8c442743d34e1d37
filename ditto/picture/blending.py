"""Blending of the painted face with the source, by mode, region and share.

A wrapper around any pack's compositor: picture = source + weight · (painted - source), where the
weight is the frame's share inside a softly edged region and nothing outside it. Where the weight
is nothing the source stays bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import cv2
import numpy as np

from cfg.settings import BlendSettings
from ditto.arrays import Floats, Image
from ditto.faces.outline import outline, size_of
from ditto.source.avatar import SourceFrame
from ditto.stages.messages import Pose

Appearance = TypeVar("Appearance")
Face = TypeVar("Face")

MAX_MASK_SIDE = 320  # pixels of the longer side a mask is drawn at: its edge is soft, or a pixel wide anyway
STRONG_FEATHER_SHARE = 1 / 3  # of the feather in mode 'strong'
MIN_EDGE_PIXELS = 0.7  # pixels: a hard edge without stairs
TINT = np.array([40, 220, 90], np.float32)  # RGB of the shown mask
MASK_TINT = 0.55  # strength of the shown mask where the weight is 1
SEAM_WEIGHTS = (0.03, 0.60)  # weights between which colours are compared: the outer part of the soft edge


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """Weights in the part of a picture that has any."""

    landmarks: Floats  # those it was made for
    box: tuple[slice, slice]  # rows, columns
    weight: Floats  # (h, w) 0..1


class Blended(Generic[Appearance, Face]):
    """A pack's compositor whose face is laid over the source as the settings and each frame ask."""

    def __init__(self, inner: Callable[[Pose[Appearance], Face], Image], settings: BlendSettings) -> None:
        self._inner = inner
        self._settings = settings
        self._everywhere = settings.region == "head"
        self._mask: Mask | None = None  # of the source frame last blended

    def __call__(self, pose: Pose[Appearance], face: Face) -> Image:
        painted = self._inner(pose, face)
        share = self._settings.share if pose.blend is None else pose.blend
        if self._everywhere and share == 1 and not self._settings.show_mask:
            return painted
        source = pose.source.image
        if self._everywhere:
            mixed = np.asarray(cv2.addWeighted(painted, share, source, 1 - share, 0), np.uint8)
            if self._settings.show_mask:
                tint(mixed, changed(painted, source) * np.float32(share))
            return mixed
        mask = self._masked(pose.source)
        result: Image = source.copy()
        part, own, into = painted[mask.box], source[mask.box], result[mask.box]
        if not into.size:
            return result
        if self._settings.match_colours:
            part = matched(part, own, mask.weight)
        weight = mask.weight * np.float32(share)
        into[:] = cv2.blendLinear(
            np.ascontiguousarray(part), np.ascontiguousarray(own), weight, np.float32(1) - weight
        )
        if self._settings.show_mask:
            tint(into, weight)
        return result

    def _masked(self, source: SourceFrame[object]) -> Mask:
        mask = self._mask
        if mask is None or mask.landmarks is not source.landmarks or not self._fits(mask, source):
            mask = self._mask = self._draw(source)
        return mask

    def _fits(self, mask: Mask, source: SourceFrame[object]) -> bool:
        height, width = source.image.shape[:2]
        return bool(mask.box[0].stop <= height and mask.box[1].stop <= width)

    def _draw(self, source: SourceFrame[object]) -> Mask:
        settings = self._settings
        polygon = outline(source.landmarks, settings.region)
        edge = {"replace": 0.0, "strong": STRONG_FEATHER_SHARE * settings.feather}.get(
            settings.mode, settings.feather
        )
        soft = edge * size_of(source.landmarks)
        return feathered(polygon, soft, source)


def feathered(polygon: Floats, soft: float, source: SourceFrame[object]) -> Mask:
    """1 inside a polygon, falling to 0 over `soft` pixels that lie half inside, half outside."""
    height, width = source.image.shape[:2]
    pad = soft / 2 + 3
    left, top = np.maximum(np.floor(polygon.min(axis=0) - pad), 0).astype(int)
    right, bottom = np.minimum(np.ceil(polygon.max(axis=0) + pad), (width, height)).astype(int)
    box = (slice(int(top), max(int(top), int(bottom))), slice(int(left), max(int(left), int(right))))
    size = (box[1].stop - box[1].start, box[0].stop - box[0].start)
    if not min(size):
        return Mask(source.landmarks, box, np.zeros((size[1], size[0]), np.float32))
    # a soft edge is drawn small; a hard one at full size
    scale = min(1.0, MAX_MASK_SIDE / max(size)) if soft > 8 else 1.0
    small = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    # beyond the picture's edge there is more face: the mask does not fade there
    room = int(np.ceil(pad * scale))
    drawn = np.zeros((small[1] + 2 * room, small[0] + 2 * room), np.uint8)
    scales = np.array(small) / np.array(size)
    points = (polygon - (left, top)) * scales + room
    cv2.fillPoly(drawn, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    # a box three times over is nearly a bell, and ends where it says
    side = max(1, round(soft * scale / 3)) | 1
    if soft < 3:
        drawn = np.asarray(cv2.GaussianBlur(drawn, (0, 0), MIN_EDGE_PIXELS), np.uint8)
    else:
        for _ in range(3):
            drawn = np.asarray(cv2.blur(drawn, (side, side)), np.uint8)
    inner = drawn[room : room + small[1], room : room + small[0]]
    weight = np.asarray(cv2.resize(inner, size, interpolation=cv2.INTER_LINEAR), np.float32)
    weight *= np.float32(1 / 255)
    return Mask(source.landmarks, box, weight)


def matched(painted: Image, own: Image, weight: Floats) -> Image:
    """The painted part with its mean colour along the seam brought to the source's own."""
    seam = ((weight > SEAM_WEIGHTS[0]) & (weight < SEAM_WEIGHTS[1])).astype(np.uint8)
    if not seam.any():
        return painted
    shift = np.subtract(cv2.mean(own, seam)[:3], cv2.mean(painted, seam)[:3])
    moved = painted + shift.astype(np.float32)
    return np.clip(np.rint(moved), 0, 255).astype(np.uint8)


def changed(painted: Image, source: Image) -> Floats:
    """(h, w) 1 where a picture was painted, pixels that happen to be alike among it."""
    differs = (painted != source).any(axis=2).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(differs, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8)), np.float32)


def tint(picture: Image, weight: Floats) -> None:
    """Shows the weights as colour, in place."""
    strength = (weight * np.float32(MASK_TINT))[..., None]
    picture[:] = np.rint(picture + (TINT - picture) * strength).astype(np.uint8)
