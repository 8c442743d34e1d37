"""Who stands in front of a background, and in which colours."""

from __future__ import annotations

import cv2
import numpy as np

from ditto.matting import fitted_to, sharpened
from ditto.messages import Floats, Image

SURE = 0.55  # foreground from which on a thing may be part of the person: earrings are no surer
NARROW = 4.0  # millimetres of what is too thin to hold the person together
FRINGE = (5.0, 11.0)  # millimetres from the sure foreground at which doubtful foreground fades away
DOUBT = (0.1, 0.9)  # of the mask: below, and farther than BAND from it, nothing is foreground; above, all is
BAND = 3.0  # millimetres
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
