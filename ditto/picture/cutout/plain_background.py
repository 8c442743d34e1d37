"""Plain background: its look without the hairs before it, and which of them are the person's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats, Image
from ditto.picture.cutout.sizes import around, from_edge
from ditto.smoothstep import ramp

EDGE_REACH = 3.0  # millimetres around an edge that are no wall
HAIR = 6.0  # millimetres: what is thinner is no part of the wall
AROUND = 15.0  # millimetres about a place that tell whether it is plain
MOST_ODD = 12.0  # grey levels that one pixel counts: a few hairs do not make a wall patterned
EDGY = 20.0  # grey levels that a pixel of an edge counts
CALM = (4.0, 7.0)  # grey levels by which pixels differ on average: a plain wall, a patterned one
EDGE = (20.0, 45.0)  # grey levels between neighbouring places: a wall, the edge of something
LEAST = 4.0  # grey levels of difference that may be noise even on a wall without any
NOISY = 3.0  # times its mean difference a wall differs by in places
CLEAR = 24.0  # grey levels more, below which something of the wall is seen through
HAIR_REACH = (20.0, 32.0)  # millimetres from the person at which hairs are no longer theirs
MAX_HAIR = 4.0  # millimetres of a hair; farther than JOINED from the person, what is thicker is no hair
JOINED = 3.0
THING = 0.3  # share of a pixel, or of the mask's doubt, from which a thing is there: surer than a hair
PLAIN_CALM = 0.7  # of a wall's calm from which what differs from its colours is no part of it
CLOSE = 1.5  # millimetres: what differs from the wall and is closer is the person's edge
SMALLEST = 100.0  # square millimetres of a thing
REACH = 15.0  # millimetres from what is surely the person to its farthest place
ALMOST_ALL = 0.7  # of a thing that the mask half takes
MAX_MASK_SHARE = 0.6  # the same of what stands out from any wall
MIN_CONTRAST, MIN_CONTRAST_TO_NOISE = (
    100.0,
    12.0,
)  # grey levels, and times the wall's own differences, that do
SEEN = 0.15  # of a hair's strength from which it joins others to the head
TRACE_LEVELS = (2.5, 5.0)  # grey levels of the faint line that is left around a head
FAINT = (9.0, 14.0)  # millimetres from the person at which it ends


@dataclass(frozen=True, slots=True, eq=False)
class Wall:
    """A background without what is small."""

    colours: Image  # (h, w, 3)
    calm: Floats  # (h, w) 0..1: 1 where it is plain
    noise: Floats  # (h, w) grey levels by which it differs from its colours on average

    @classmethod
    def of(cls, picture: Image, hidden: Image, millimetre: float) -> Wall:
        """Of a picture whose `hidden` part has been grown over."""
        half = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        flat = cv2.medianBlur(half, max(3, round(HAIR * millimetre)) | 1)
        flat = cv2.GaussianBlur(flat, (0, 0), max(0.5, 0.5 * millimetre))
        wide = (2 * max(1, round(EDGE_REACH * millimetre / 2)) + 1,) * 2
        steps = largest(cv2.morphologyEx(flat, cv2.MORPH_GRADIENT, np.ones(wide, np.uint8)))
        size = (picture.shape[1], picture.shape[0])
        colours = np.asarray(cv2.resize(flat, size, interpolation=cv2.INTER_LINEAR), np.uint8)
        uneven = np.asarray(cv2.resize(ramp(steps, *EDGE), size, interpolation=cv2.INTER_LINEAR), np.float32)
        seen = (1 - hidden).astype(np.float32)
        change = difference(picture, colours)
        odd = np.maximum(np.minimum(change, MOST_ODD), uneven * np.float32(EDGY)) * seen
        window = (2 * max(1, round(AROUND * millimetre)) + 1,) * 2
        total, weight = (cv2.blur(cv2.blur(plane, window), window) for plane in (odd, seen))
        mean = np.where(weight > 1e-3, total / np.maximum(weight, 1e-3), MOST_ODD).astype(np.float32)
        return cls(colours, (1 - ramp(mean, *CALM)) * (1 - uneven), mean)

    def before(self, picture: Image) -> Floats:
        """(h, w) 0..1: how much of each pixel is not the wall, in a picture of any size.

        What differs most among the pixels close by is taken to hide all of it.
        """
        size = (picture.shape[1], picture.shape[0])
        colours, noise = (
            cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in (self.colours, self.noise)
        )
        change = difference(picture, np.asarray(colours))
        least = (LEAST + NOISY * noise).astype(np.float32)
        most = np.maximum(cv2.dilate(change, np.ones((5, 5), np.uint8)), least + np.float32(CLEAR))
        return np.asarray(np.clip((change - least) / (most - least), 0, 1), np.float32)

    def distinct(self, picture: Image, person: Floats, half: Floats, millimetre: float) -> Floats:
        """(h, w) 0..1: of what a mask half takes for the person, the things that are not the wall.

        They end where the mask does, and either lie close to the person, or stand out from any wall.
        """
        distance, reach = (from_edge((person < whole).astype(np.uint8), millimetre) for whole in (0.5, 0.9))
        clear = (self.before(picture) > THING) & (distance > CLOSE)
        _, parts = cv2.connectedComponents(clear.astype(np.uint8))
        taken = half > THING
        size, known, plain, far, off, change, noise = (
            np.bincount(parts.ravel(), plane.ravel())
            for plane in (
                clear, taken, taken & (self.calm > PLAIN_CALM), reach > REACH, distance > HAIR_REACH[0],
                difference(picture, self.colours), self.noise,
            )
        )  # fmt: skip
        square = millimetre * millimetre
        own = (plain > SMALLEST * square) & (plain > ALMOST_ALL * size) & (far == 0)
        bold = (change > MIN_CONTRAST * size) & (change > MIN_CONTRAST_TO_NOISE * noise) & (off == 0)
        bold &= (known > SMALLEST * square) & (known > MAX_MASK_SHARE * size)
        own[0] = bold[0] = False
        things = cv2.dilate((own | bold)[parts].astype(np.uint8), around(CLOSE * millimetre + 1))
        return np.where(things > 0, np.maximum(half, bold[parts]), 0).astype(np.float32)

    def hairs(self, picture: Image, person: Floats, half: Floats, mm: float) -> tuple[Floats, Floats]:
        """(h, w) twice, 0..1: where hairs of the person may lie, and where a faint trace of the head is.

        A hair is thin and joined to the person; letters and stains beside a head are not. A `half` taken
        thing need not be thin.
        """
        distance = from_edge((person < 0.5).astype(np.uint8), mm)
        near = np.maximum(self.calm, half) * (1 - ramp(distance, *HAIR_REACH))
        there = (self.before(picture) * near > SEEN).astype(np.uint8)
        size = max(3, round(MAX_HAIR * mm)) | 1
        thick = cv2.morphologyEx(
            there, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        )
        thick[half > SEEN] = 0
        there[(thick > 0) & (distance > JOINED)] = 0
        own = joined(there, person)
        foreign = np.maximum(cv2.dilate(there & (1 - own), np.ones((7, 7), np.uint8)), thick)
        smooth = np.asarray(cv2.GaussianBlur(picture, (0, 0), 2.0), np.uint8)
        trace = (
            ramp(difference(smooth, self.colours), *TRACE_LEVELS) * self.calm * (1 - ramp(distance, *FAINT))
        )
        near *= cv2.dilate(own, np.ones((5, 5), np.uint8))
        return near, np.asarray(trace * ((foreign == 0) | (distance < JOINED)), np.float32)


def difference(picture: Image, other: Image) -> Floats:
    """(h, w) grey levels between two pictures, in the colour that differs most."""
    return largest(cv2.absdiff(picture, other))


def largest(picture: npt.NDArray[Any]) -> Floats:
    """(h, w) of each pixel's three numbers."""
    red, green, blue = cv2.split(picture)
    return np.asarray(np.maximum(np.maximum(red, green), blue), np.float32)


def joined(there: Image, person: Floats) -> npt.NDArray[np.uint8]:
    """(h, w) 1 for the parts of `there` that touch the person, and for the person."""
    both = there | (person > 0.5).astype(np.uint8)
    _, parts = cv2.connectedComponents(cv2.morphologyEx(both, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)))
    held = np.zeros(int(parts.max()) + 1, np.uint8)
    held[parts[person > 0.5]] = 1
    held[0] = 0
    return np.asarray(held[parts], np.uint8)
