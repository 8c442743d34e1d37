"""Mask of a head and what belongs to it: ears, hair, collars; not lamps beside it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats, Image, Numbers
from ditto.faces.topology import OVAL
from ditto.packs.mini.source.geometry import HeadGeometry
from ditto.picture.cutout.alpha import UNSURE
from ditto.picture.cutout.matting import Person
from ditto.picture.cutout.sizes import round_of

SURE = 0.55  # foreground from which on a thing may be part of the person: earrings are no surer
NARROW = 4.0  # millimetres of what is too thin to hold the person together
FRINGE = (5.0, 11.0)  # millimetres from the sure foreground at which doubtful foreground fades away
EAR = (17.0, 34.0)  # millimetres from its middle that an ear may reach, across and down
EAR_BEYOND = 7.0  # millimetres its middle lies beyond the widest place of the face
EAR_DOUBT = (0.06, 0.25)  # of the mask there: below is no ear, above is one
EAR_BROAD = 12.0  # millimetres
HALF = (0.06, 0.25)  # of the mask: below is nothing, from there on a thing may be half taken for the person
SOFT = 4.5  # millimetres of a mask's soft edge
CLOSE = 0.8  # times the face's size on all sides of its middle: a picture for the mask that it fills
MIN_MILLIMETRE = 0.05  # pixels of a millimetre: no smaller face is found


def attached(person: Floats, face: Image, millimetre: float) -> Floats:
    """(h, w) the foreground that surely belongs to the face, and its fringe.

    Things beside a head, lamps above all, are often half taken for a part of it.
    """
    sure = ((person > SURE) | (face > 0)).astype(np.uint8)
    _, parts = cv2.connectedComponents(cv2.morphologyEx(sure, cv2.MORPH_OPEN, round_of(NARROW * millimetre)))
    within = parts[(face > 0) & (parts > 0)]
    if not within.size:
        return person
    body = parts == np.bincount(within).argmax()
    distance = cv2.distanceTransform((~body).astype(np.uint8), cv2.DIST_L2, 5)
    near, far = FRINGE
    fading = np.clip((distance / millimetre - near) / (far - near), 0, 1)
    return np.asarray(person * (1 - fading), np.float32)


def with_ears(
    person: Floats, close: Floats, oval: npt.NDArray[np.floating], down: Floats, millimetre: float
) -> Floats:
    """(h, w) the foreground with what it misses where ears are: beside the (36, 2) oval's widest places.

    What is foreground from `close` counts there. What is in doubt must be broader than a mask's soft edge.
    """
    place = np.zeros(person.shape, np.uint8)
    across = np.array([down[1], -down[0]])
    along = (oval - oval.mean(0)) @ across
    angle = float(np.degrees(np.arctan2(across[1], across[0])))
    axes = [max(1, round(axis * millimetre)) for axis in EAR]
    for side, at in ((-1, along.argmin()), (1, along.argmax())):
        x, y = np.rint(oval[at] + side * EAR_BEYOND * millimetre * across).astype(int).tolist()
        cv2.ellipse(place, (x, y), axes, angle, 0, 360, 1, -1)
    person = np.where(place > 0, np.maximum(person, close), person)
    low, high = EAR_DOUBT
    doubt = ((person > low) & (person < UNSURE[1])).astype(np.uint8)
    broad = cv2.morphologyEx(doubt, cv2.MORPH_OPEN, round_of(EAR_BROAD * millimetre))
    raised = np.clip((person - low) / (high - low), 0, 1)
    return np.where((place > 0) & (broad > 0), np.maximum(person, raised), person).astype(np.float32)


def half_taken(mask: Floats, person: Floats, millimetre: float) -> Floats:
    """(h, w) 0..1: where the mask is in doubt beyond its soft edge: about collars, rims, lamps."""
    sure = (person > UNSURE[1]).astype(np.uint8)
    distance = cv2.distanceTransform(1 - sure, cv2.DIST_L2, 5)
    doubt = (mask > HALF[0]) & (sure == 0)
    beyond = (doubt & (distance > SOFT * millimetre)).astype(np.uint8)
    near = cv2.dilate(beyond, round_of(2 * SOFT * millimetre))
    taken = np.clip((mask - HALF[0]) / (HALF[1] - HALF[0]), 0, 1)
    return np.where(doubt & (near > 0), taken, 0).astype(np.float32)


def from_close(picture: Image, oval: npt.NDArray[np.floating], matte: Person) -> Floats:
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


def person_in(mask: Floats, picture: Image, head: HeadGeometry, small: float, matte: Person) -> Floats:
    """(h, w) 0..1: the mask of the moving box, `small` times its size, its ears, and the face in any case."""
    oval, face = face_in(mask.shape, head, small)
    millimetre = max(MIN_MILLIMETRE, head.millimetre * small)
    close = from_close(picture, oval, matte)
    seen = with_ears(mask, close, oval, head.turn[:2, 1], millimetre)
    person = attached(seen, face, millimetre)
    return np.maximum(person, softened(face, small))


def with_face(mask: Floats, head: HeadGeometry, small: float) -> Floats:
    """(h, w) 0..1: a fine mask of the moving box, `small` times its size, and the face in any case."""
    return np.maximum(mask, softened(face_in(mask.shape, head, small)[1], small))


def face_in(shape: tuple[int, ...], head: HeadGeometry, small: float) -> tuple[Numbers, Image]:
    """(36, 2) the face's oval in the moving box, `small` times its size, and (h, w) 1 within."""
    face = np.zeros(shape, np.uint8)
    oval = (head.points[list(OVAL), :2] - head.box[:2]) * small
    cv2.fillConvexPoly(face, cv2.convexHull(oval.astype(np.int32)), 1)
    return oval, face


def softened(face: Image, small: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(face.astype(np.float32), (0, 0), max(0.5, 2 * small)), np.float32)
