"""The moving box of one source frame: the picture, who stands in front, and what lies behind."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ditto.messages import Floats, Image
from ditto.mini.raster import SOLID, TILE
from ditto.mini.register import Matte, MiniAppearance
from ditto.mini.template import OVAL

FILLED = 256  # pixels of the longer side the background is found at
GRAIN = 512  # pixels after which the noise repeats
SURE = 0.55  # foreground from which on a thing may be part of the person: earrings are no surer
NARROW = 4.0  # millimetres of what is too thin to hold the person together
FRINGE = (8.0, 16.0)  # millimetres from the sure foreground at which doubtful foreground fades away
ROUGHEST = 6  # grey levels above which roughness is drawing, not grain


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """The moving box of one source frame."""

    appearance: MiniAppearance
    image: Image  # (H, W, 3) the whole source
    picture: Image  # (h, w, 3) its part in the box
    opaque: Image  # (h, w, 4) the same, all of it foreground: four channels are moved faster than three

    @classmethod
    def of(cls, image: Image, look: MiniAppearance) -> Layers:
        left, top, right, bottom = look.box
        picture = image[top:bottom, left:right]
        return cls(look, image, picture, np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA), np.uint8))


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """What lies behind the head of one source frame."""

    layered: Image  # (h, w, 4) the moving box with its foreground
    plate: (
        Image  # (h, w, 4) the background alone, and where it may be shown: the foreground, a little widened
    )
    solid: Image  # (h / TILE, w / TILE) 1 where all is foreground
    bare: Image  # (h / TILE, w / TILE) 1 where nothing is foreground or within its reach

    @classmethod
    def of(cls, layers: Layers, matte: Matte) -> Background:
        """Found on a small copy: the mask's own network sees no more, and what is grown is smooth."""
        look, picture = layers.appearance, layers.picture
        size = (picture.shape[1], picture.shape[0])
        small = min(1.0, FILLED / max(size))
        shrunk, rough = np.ascontiguousarray(picture), roughness(picture)
        if small < 1:
            less = (max(4, round(size[0] * small)), max(4, round(size[1] * small)))
            shrunk, rough = (
                np.asarray(cv2.resize(plane, less, interpolation=cv2.INTER_AREA), np.uint8)
                for plane in (picture, rough)
            )
        doubted = np.asarray(matte(shrunk), np.float32)
        face = np.zeros(shrunk.shape[:2], np.uint8)
        oval = (look.points[list(OVAL), :2] - look.box[:2]) * small
        cv2.fillConvexPoly(face, cv2.convexHull(oval.astype(np.int32)), 255)
        person = attached(doubted, face, look.millimetre * small)
        soft = np.asarray(cv2.GaussianBlur(face, (0, 0), max(0.5, 2 * small)), np.float32)
        person = np.maximum(person, soft / np.float32(255))
        widen = max(3, round(look.millimetre * 4 * small)) | 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (widen, widen))
        reach = cv2.GaussianBlur(cv2.dilate(np.clip(person * 2, 0, 1), kernel), (0, 0), max(0.5, 1.5 * small))
        hidden = np.asarray(cv2.dilate((person > 0.12).astype(np.uint8), kernel), np.uint8)
        grown = fill(np.dstack([shrunk, rough]), hidden)
        foreground = np.asarray(cv2.resize(person, size, interpolation=cv2.INTER_LINEAR), np.float32)
        alpha = np.rint(np.clip((foreground - 0.25) * 2, 0, 1) * 255).astype(np.uint8)
        wide = np.asarray(cv2.resize(reach, size, interpolation=cv2.INTER_LINEAR), np.float32)
        plate = np.dstack([rough_plate(grown, size), np.rint(np.clip(wide, 0, 1) * 255).astype(np.uint8)])
        return cls(
            np.dstack([picture, alpha]),
            plate,
            (tiles(alpha, 255).min(axis=(1, 3)) >= SOLID).astype(np.uint8),
            (tiles(alpha | plate[..., 3], 0).max(axis=(1, 3)) == 0).astype(np.uint8),
        )


def attached(person: Floats, face: Image, millimetre: float) -> Floats:
    """(h, w) the foreground that surely belongs to the face, and its fringe.

    Things beside a head, lamps above all, are often half taken for a part of it.
    """
    size = max(3, round(NARROW * millimetre)) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    sure = ((person > SURE) | (face > 0)).astype(np.uint8)
    _, parts = cv2.connectedComponents(cv2.morphologyEx(sure, cv2.MORPH_OPEN, kernel))
    within = parts[(face > 0) & (parts > 0)]
    if not within.size:
        return person
    body = parts == np.bincount(within).argmax()
    distance = cv2.distanceTransform((~body).astype(np.uint8), cv2.DIST_L2, 5)
    near, far = FRINGE
    fading = np.clip((distance / max(millimetre, 1e-3) - near) / (far - near), 0, 1)
    return np.asarray(person * (1 - fading), np.float32)


def rough_plate(grown: Floats, size: tuple[int, int]) -> Image:
    """(h, w, 3) of (width, height) `size`: the grown colours, as rough as the fourth channel says."""
    colours = np.asarray(cv2.resize(grown[..., :3], size, interpolation=cv2.INTER_LINEAR), np.float32)
    rough = np.asarray(cv2.resize(grown[..., 3], size, interpolation=cv2.INTER_LINEAR), np.float32)
    noise = grain(GRAIN)
    plate = np.empty(colours.shape, np.uint8)
    for y in range(0, size[1], GRAIN):
        for x in range(0, size[0], GRAIN):
            part = (slice(y, y + GRAIN), slice(x, x + GRAIN))
            there = rough[part]
            added = noise[: there.shape[0], : there.shape[1]] * there
            plate[part] = np.rint(np.clip(colours[part] + added[..., None], 0, 255))
    return plate


def tiles(plane: Image, beyond: int) -> Image:
    """(rows, TILE, columns, TILE) view of a plane, continued with `beyond` to whole tiles."""
    height, width = plane.shape
    rows, columns = -(-height // TILE), -(-width // TILE)
    whole = np.full((rows * TILE, columns * TILE), beyond, np.uint8)
    whole[:height, :width] = plane
    return whole.reshape(rows, TILE, columns, TILE)


def roughness(picture: Image) -> Image:
    """(h, w) grey levels by which each pixel stands out from those around it; 0 on edges."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    rough = np.asarray(cv2.absdiff(grey, cv2.GaussianBlur(grey, (0, 0), 1.5)), np.uint8)
    return np.where(rough > ROUGHEST, 0, rough).astype(np.uint8)


@lru_cache(maxsize=2)
def grain(side: int) -> Floats:
    """(side, side) noise of mean size 1, the same every time; neighbouring pixels are a little alike."""
    noise = cv2.GaussianBlur(np.random.default_rng(0).standard_normal((side, side), np.float32), (0, 0), 0.7)
    return np.asarray(noise / max(float(np.abs(noise).mean()), 1e-6), np.float32)


def fill(picture: Image, hidden: Image) -> Floats:
    """(h, w, c) the picture with its hidden part grown over from what is around it."""
    seen = (1 - hidden).astype(np.float32)
    levels: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]] = [
        (picture.astype(np.float32) * seen[..., None], seen)
    ]
    while min(levels[-1][1].shape) > 2:
        finer = levels[-1]
        levels.append((np.asarray(cv2.pyrDown(finer[0])), np.asarray(cv2.pyrDown(finer[1]))))
    colour, weight = levels[-1]
    grown = colour / np.maximum(weight, 1e-3)[..., None]
    for colour, weight in levels[-2::-1]:
        larger = cv2.pyrUp(grown, dstsize=(weight.shape[1], weight.shape[0]))
        known = np.clip(weight * 4, 0, 1)[..., None]
        own = np.where(weight[..., None] > 1e-3, colour / np.maximum(weight, 1e-3)[..., None], 0)
        grown = own * known + larger * (1 - known)
    return np.asarray(np.clip(grown, 0, 255), np.float32)
