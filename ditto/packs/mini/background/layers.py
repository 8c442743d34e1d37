"""Layers of one source frame: the person in front, and the background behind."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats, Image
from ditto.packs.mini.background.edge_extension import continued
from ditto.packs.mini.background.head_mask import MIN_MILLIMETRE, half_taken, person_in, with_face
from ditto.packs.mini.source.geometry import HeadGeometry
from ditto.picture.cutout.alpha import outlined
from ditto.picture.cutout.alpha_network import AlphaNetwork
from ditto.picture.cutout.cutout import Cutout, as_bytes, with_alpha
from ditto.picture.cutout.foreground import unmixed
from ditto.picture.cutout.inpainting import fill
from ditto.picture.cutout.matting import Person
from ditto.picture.cutout.plain_background import Wall
from ditto.picture.cutout.plate import continued_behind, rough_plate, roughness
from ditto.picture.cutout.sizes import enlarged, reduced, round_of

TILE = 8  # pixels of the squares whose foreground is known
SOLID = 254  # from here on a foreground lets nothing through
FINE = 512  # pixels of the longer side at which the outline is fitted and the background found
WIDENED = 4.0  # millimetres around the foreground that are not trusted to show the background
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
    def of(cls, image: Image, head: HeadGeometry, person: Person) -> Background:
        left, top, right, bottom = head.box
        given = person(image)[top:bottom, left:right] if isinstance(person, AlphaNetwork) else None
        cutout, uncovered = cut_out(np.ascontiguousarray(image[top:bottom, left:right]), head, person, given)
        layered = np.dstack([cutout.foreground, cutout.alpha])
        return cls.laid(continued(layered, head), continued(with_alpha(cutout.behind, uncovered), head))

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


def cut_out(
    picture: Image, head: HeadGeometry, person: Person, given: Floats | None = None
) -> tuple[Cutout, Floats]:
    """The person in the moving box, and (h, w) 0..1 where what is behind is not what the picture shows.

    The outline follows the colours where the mask is in doubt, and hairs before a plain wall. Where an alpha
    of the box is `given`, it is used as it is.
    """
    size = (picture.shape[1], picture.shape[0])
    less, small = reduced(picture.shape, FINE)
    shrunk, rough = (
        np.asarray(cv2.resize(plane, less, interpolation=cv2.INTER_AREA), np.uint8)
        for plane in (picture, roughness(picture))
    )
    millimetre = max(MIN_MILLIMETRE, head.millimetre * small)
    if given is None:
        mask = np.asarray(person(shrunk), np.float32)
        whole = person_in(mask, shrunk, head, small, person)
        alpha = outlined(picture, whole, millimetre)
    else:
        mask = np.asarray(cv2.resize(given, less, interpolation=cv2.INTER_AREA), np.float32)
        whole, alpha = with_face(mask, head, small), with_face(given, head, 1.0)
    half = half_taken(mask, whole, millimetre)
    inside = (cv2.resize(alpha, less, interpolation=cv2.INTER_AREA) > SEEN) | (whole > DOUBTED)
    ground = np.dstack([shrunk, cv2.medianBlur(rough, 7)])
    wall = seen_around(ground, inside | (half > 0), millimetre)[2]
    half = wall.distinct(shrunk, whole, half, millimetre)
    grown, hidden, wall = seen_around(ground, inside | (half > 0), millimetre)
    hairs, trace = wall.hairs(shrunk, whole, half, millimetre)
    loose = wall.before(picture) * enlarged(hairs, size)
    loose[loose < FAINT] = 0
    grown[..., :3] = continued_behind(shrunk, grown[..., :3], wall, hidden, millimetre)
    soft = cv2.GaussianBlur(hidden.astype(np.float32), (0, 0), max(0.5, millimetre))
    gone = enlarged(2 * np.maximum(soft, cv2.dilate(trace, np.ones((3, 3), np.uint8))), size)
    wide = np.ones((2 * round(1 / small) + 1,) * 2, np.uint8)
    reach = np.clip(np.maximum(gone, 3 * cv2.dilate(loose, wide)), 0, 1)
    reach[reach < FAINT] = 0
    plate = np.asarray(cv2.blendLinear(rough_plate(grown, size), picture, reach, 1 - reach), np.uint8)
    alpha = np.maximum(alpha, loose)
    colours = unmixed(picture, plate, alpha, enlarged(wall.calm, size))
    return Cutout(as_bytes(alpha), colours, plate), reach


def seen_around(
    ground: Image, inside: npt.NDArray[np.bool_], millimetre: float
) -> tuple[Floats, Image, Wall]:
    """Four channels inpainted over what is inside, where that is, and the wall it is before."""
    hidden = np.asarray(cv2.dilate(inside.astype(np.uint8), round_of(2 * WIDENED * millimetre)), np.uint8)
    grown = fill(ground, hidden)
    return grown, hidden, Wall.of(np.rint(grown[..., :3]).astype(np.uint8), hidden, millimetre)


def tiles(plane: Image, beyond: int) -> Image:
    """(rows, TILE, columns, TILE) view of a plane, continued with `beyond` to whole tiles."""
    height, width = plane.shape
    rows, columns = -(-height // TILE), -(-width // TILE)
    whole = np.full((rows * TILE, columns * TILE), beyond, np.uint8)
    whole[:height, :width] = plane
    return whole.reshape(rows, TILE, columns, TILE)
