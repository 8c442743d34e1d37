"""Layers of one source frame: the person in front, and the background behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats, Image
from ditto.faces.topology import OVAL
from ditto.packs.mini.background.background_plate import behind, rough_plate, roughness
from ditto.packs.mini.background.cutout import (
    attached,
    enlarged,
    half_taken,
    outlined,
    round_of,
    unmixed,
    with_ears,
)
from ditto.packs.mini.background.edge_extension import continued
from ditto.packs.mini.background.plain_background import Wall
from ditto.packs.mini.source.geometry import HeadGeometry
from ditto.picture.inpainting import fill

Matte = Callable[[Image], Floats]

TILE = 8  # pixels of the squares whose foreground is known
SOLID = 254  # from here on a foreground lets nothing through
CLOSE = 0.8  # times the face's size on all sides of its middle: a picture for the mask that it fills
FINE = 512  # pixels of the longer side at which the outline is fitted and the background found
WIDENED = 4.0  # millimetres around the foreground that are not trusted to show the background
LEAST = 0.05  # pixels of a millimetre: no smaller face is found
FAINT = 0.06  # share of a pixel below which nobody sees a hair, or what stands in for it
SEEN = 0.08  # of the foreground, from which a pixel does not show the background alone
DOUBTED = 0.3  # of the mask, from which it may not


def opaque_box(image: Image, head: HeadGeometry) -> Image:
    """(h, w, 4) the wide moving box, all of it foreground: four channels are moved faster than three."""
    left, top, right, bottom = head.box
    opaque = np.asarray(cv2.cvtColor(image[top:bottom, left:right], cv2.COLOR_RGB2RGBA), np.uint8)
    return continued(opaque, head)


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """Background behind the head of one source frame."""

    layered: Image  # (h, w, 4) the wide moving box with its foreground
    plate: Image  # (h, w, 4) the background alone, and where it is not what the picture shows
    solid: Image  # (h / TILE, w / TILE) 1 where all is foreground
    bare: Image  # (h / TILE, w / TILE) 1 where nothing is foreground or within its reach

    @classmethod
    def of(cls, image: Image, head: HeadGeometry, matte: Matte) -> Background:
        """The outline follows the colours where the mask is in doubt, and hairs before a plain wall."""
        left, top, right, bottom = head.box
        picture = np.ascontiguousarray(image[top:bottom, left:right])
        size = (picture.shape[1], picture.shape[0])
        small = min(1.0, FINE / max(size))
        less = (max(4, round(size[0] * small)), max(4, round(size[1] * small)))
        shrunk, rough = (
            np.asarray(cv2.resize(plane, less, interpolation=cv2.INTER_AREA), np.uint8)
            for plane in (picture, roughness(picture))
        )
        millimetre = max(LEAST, head.millimetre * small)
        mask = np.asarray(matte(shrunk), np.float32)
        person = person_in(mask, shrunk, head, small, matte)
        half = half_taken(mask, person, millimetre)
        alpha = outlined(picture, person, millimetre)
        inside = (cv2.resize(alpha, less, interpolation=cv2.INTER_AREA) > SEEN) | (person > DOUBTED)
        ground = np.dstack([shrunk, cv2.medianBlur(rough, 7)])
        wall = seen_around(ground, inside | (half > 0), millimetre)[2]
        half = wall.distinct(shrunk, person, half, millimetre)
        grown, hidden, wall = seen_around(ground, inside | (half > 0), millimetre)
        hairs, trace = wall.hairs(shrunk, person, half, millimetre)
        loose = wall.before(picture) * enlarged(hairs, size)
        loose[loose < FAINT] = 0
        grown[..., :3] = behind(shrunk, grown[..., :3], wall, hidden, millimetre)
        soft = cv2.GaussianBlur(hidden.astype(np.float32), (0, 0), max(0.5, millimetre))
        gone = enlarged(2 * np.maximum(soft, cv2.dilate(trace, np.ones((3, 3), np.uint8))), size)
        wide = np.ones((2 * round(1 / small) + 1,) * 2, np.uint8)
        reach = np.clip(np.maximum(gone, 3 * cv2.dilate(loose, wide)), 0, 1)
        reach[reach < FAINT] = 0
        plate = np.asarray(cv2.blendLinear(rough_plate(grown, size), picture, reach, 1 - reach), np.uint8)
        alpha = np.maximum(alpha, loose)
        colours = unmixed(picture, plate, alpha, enlarged(wall.calm, size))
        return cls.laid(
            continued(with_share(colours, alpha), head), continued(with_share(plate, reach), head)
        )

    @classmethod
    def laid(cls, layered: Image, plate: Image) -> Background:
        """Of the box with its foreground, and the background with where it is seen: four channels each."""
        front, back = layered[..., 3], plate[..., 3]
        return cls(
            layered,
            plate,
            (tiles(front, 255).min(axis=(1, 3)) >= SOLID).astype(np.uint8),
            (tiles(front | back, 0).max(axis=(1, 3)) == 0).astype(np.uint8),
        )


def seen_around(
    ground: Image, inside: npt.NDArray[np.bool_], millimetre: float
) -> tuple[Floats, Image, Wall]:
    """Four channels inpainted over what is inside, where that is, and the wall it is before."""
    hidden = np.asarray(cv2.dilate(inside.astype(np.uint8), round_of(2 * WIDENED * millimetre)), np.uint8)
    grown = fill(ground, hidden)
    return grown, hidden, Wall.of(np.rint(grown[..., :3]).astype(np.uint8), hidden, millimetre)


def from_close(picture: Image, oval: npt.NDArray[np.floating], matte: Matte) -> Floats:
    """(h, w) 0..1: who stands in front around a face with a (36, 2) oval; nobody farther away.

    Of a face that fills the picture ears are known more often; they must be so both ways round.
    """
    middle, reach = oval.mean(0), CLOSE * float(np.ptp(oval, axis=0).max())
    left, top = np.maximum(middle - reach, 0).astype(int)
    right, bottom = np.maximum(np.ceil(middle + reach), 0).astype(int)
    part = np.ascontiguousarray(picture[top:bottom, left:right])
    seen = np.zeros(picture.shape[:2], np.float32)
    if part.size:
        mirrored = matte(np.ascontiguousarray(part[:, ::-1]))[:, ::-1]
        seen[top:bottom, left:right] = np.minimum(matte(part), mirrored)
    return seen


def person_in(mask: Floats, picture: Image, head: HeadGeometry, small: float, matte: Matte) -> Floats:
    """(h, w) 0..1: the mask of the moving box, `small` times its size, its ears, and the face in any case."""
    face = np.zeros(mask.shape, np.uint8)
    oval = (head.points[list(OVAL), :2] - head.box[:2]) * small
    cv2.fillConvexPoly(face, cv2.convexHull(oval.astype(np.int32)), 1)
    millimetre = max(LEAST, head.millimetre * small)
    close = from_close(picture, oval, matte)
    seen = with_ears(mask, close, oval, head.turn[:2, 1], millimetre)
    person = attached(seen, face, millimetre)
    soft = cv2.GaussianBlur(face.astype(np.float32), (0, 0), max(0.5, 2 * small))
    return np.asarray(np.maximum(person, soft), np.float32)


def with_share(colours: Image, share: Floats) -> Image:
    """(h, w, 4) bytes of the colours and of a share in 0..1."""
    return np.dstack([colours, np.rint(share * 255).astype(np.uint8)])


def tiles(plane: Image, beyond: int) -> Image:
    """(rows, TILE, columns, TILE) view of a plane, continued with `beyond` to whole tiles."""
    height, width = plane.shape
    rows, columns = -(-height // TILE), -(-width // TILE)
    whole = np.full((rows * TILE, columns * TILE), beyond, np.uint8)
    whole[:height, :width] = plane
    return whole.reshape(rows, TILE, columns, TILE)
