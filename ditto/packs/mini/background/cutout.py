"""Matte of the person in front of a background, and the colours of their edge."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats, Image
from ditto.picture.matting import fitted_to, sharpened

SURE = 0.55  # foreground from which on a thing may be part of the person: earrings are no surer
NARROW = 4.0  # millimetres of what is too thin to hold the person together
FRINGE = (5.0, 11.0)  # millimetres from the sure foreground at which doubtful foreground fades away
DOUBT = (0.1, 0.9)  # of the mask: below, and farther than BAND from it, nothing is foreground; above, all is
BAND = 3.0  # millimetres
EAR = (17.0, 34.0)  # millimetres from its middle that an ear may reach, across and down
EAR_BEYOND = 7.0  # millimetres its middle lies beyond the widest place of the face
EAR_DOUBT = (0.06, 0.25)  # of the mask there: below is no ear, above is one
EAR_BROAD = 12.0  # millimetres
HALF = (0.06, 0.25)  # of the mask: below is nothing, from there on a thing may be half taken for the person
SOFT = 4.5  # millimetres of a mask's soft edge
FAINTEST = 0.3  # share of a pixel that must be foreground to tell its colour


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
    doubt = ((person > low) & (person < DOUBT[1])).astype(np.uint8)
    broad = cv2.morphologyEx(doubt, cv2.MORPH_OPEN, round_of(EAR_BROAD * millimetre))
    raised = np.clip((person - low) / (high - low), 0, 1)
    return np.where((place > 0) & (broad > 0), np.maximum(person, raised), person).astype(np.float32)


def half_taken(mask: Floats, person: Floats, millimetre: float) -> Floats:
    """(h, w) 0..1: where the mask is in doubt beyond its soft edge: about collars, rims, lamps."""
    sure = (person > DOUBT[1]).astype(np.uint8)
    distance = cv2.distanceTransform(1 - sure, cv2.DIST_L2, 5)
    doubt = (mask > HALF[0]) & (sure == 0)
    beyond = (doubt & (distance > SOFT * millimetre)).astype(np.uint8)
    near = cv2.dilate(beyond, round_of(2 * SOFT * millimetre))
    taken = np.clip((mask - HALF[0]) / (HALF[1] - HALF[0]), 0, 1)
    return np.where(doubt & (near > 0), taken, 0).astype(np.float32)


def outlined(picture: Image, person: Floats, millimetre: float) -> Floats:
    """(H, W) the smaller (h, w) `person` at the picture's size, its edge where colours change."""
    size = (picture.shape[1], picture.shape[0])
    kernel = round_of(2 * BAND * millimetre)
    within = np.asarray(cv2.dilate((person > DOUBT[0]).astype(np.float32), kernel), np.float32)
    core = np.asarray(cv2.erode((person > DOUBT[1]).astype(np.float32), kernel), np.float32)
    fitted = sharpened(fitted_to(picture, enlarged(person, size)))
    return np.asarray(np.clip(fitted, enlarged(core, size), enlarged(within, size)), np.float32)


def unmixed(picture: Image, plate: Image, alpha: Floats, calm: Floats) -> Image:
    """(H, W, 3) the foreground's own colours at its edge, as far as what shines through is known.

    None is beyond what is seen close by: a wrong share would make it glare.
    """
    colours: Image = picture.copy()
    edge = (alpha > 0) & (alpha < 1)
    around = np.ones((5, 5), np.uint8)
    lowest, highest = cv2.erode(picture, around)[edge], cv2.dilate(picture, around)[edge]
    share, known = alpha[edge][:, None], calm[edge][:, None]
    mixed, through = picture[edge].astype(np.float32), plate[edge].astype(np.float32)
    own = np.clip(through + (mixed - through) / np.maximum(share, FAINTEST), lowest, highest)
    colours[edge] = np.rint(mixed + (own - mixed) * known)
    return colours


def round_of(size: float) -> Image:
    """A round kernel of about so many pixels."""
    odd = max(3, round(size)) | 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (odd, odd)), np.uint8)


def enlarged(plane: Floats, size: tuple[int, int]) -> Floats:
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR), np.float32)
