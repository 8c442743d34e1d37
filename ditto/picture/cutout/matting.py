"""Matting: how far each pixel of a picture belongs to the person whose face is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import cv2
import numpy as np

from ditto.arrays import Floats, Image
from ditto.picture.cutout.alpha import fitted_to, sharpened
from ditto.picture.cutout.alpha_network import AlphaNetwork, Matte
from ditto.picture.cutout.foreground import estimated
from ditto.picture.cutout.inpainting import fill
from ditto.picture.cutout.sizes import reduced

Person = Callable[[Image], Floats]  # (h, w) 0..1 who stands in front in a picture

HEAD = 1.05  # half a side of the closer look at the head, in face sizes
SURE = 0.9  # of the person in the whole view: stays, whatever the closer look says
DECIDED_AT = 320  # pixels of the longer side at which patches of doubt are decided
DOUBT = (0.05, 0.95)  # of the mask: between is neither surely the background nor surely the person
BROAD = 0.10  # face sizes of a doubtful patch that is more than a soft edge
NEAR = 0.3  # face sizes from what is surely the person at which such a patch may be theirs
LIKELY = 0.3  # of the mask in the mean of a patch that is
SMOOTH = 0.05  # face sizes over which a background's colours are averaged
PLAIN = 4.0  # grey levels by which a background differs from its colours on average, for things to stand out
STANDING_OUT = (4.0, 3.0, 24.0)  # grey levels, and times that mean, that noise differs by; more of a thing
HELD = 0.6  # share of the mask of a video's frame before, where the picture has not changed
CHANGED = 14.0  # grey levels of change from which a mask is taken as it is found


class Matter(Protocol):
    """Mattes of one source's pictures, in their order."""

    def __call__(self, image: Image, face: Floats | None, /) -> Matte:
        """`face` are landmarks, (n, 2) or more; None where no face is seen."""


def matting_by(person: Person) -> Matter:
    """Mattes by a rough network, refined, or by a fine one, as they are."""
    if not isinstance(person, AlphaNetwork):
        return Matting(person)
    stream = person.following()

    def fine(image: Image, face: Floats | None) -> Matte:
        matte = stream(image)
        return matte if matte.foreground is not None else Matte(matte.alpha, estimated(image, matte.alpha))

    return fine


class Matting:
    """Cuts out the person whose face is known, by a rough network. Without memory."""

    def __init__(self, person: Person) -> None:
        self._person = person

    def __call__(self, image: Image, face: Floats | None) -> Matte:
        rough = np.asarray(self._person(image), np.float32)
        if face is not None:
            rough = self._closer(image, rough, face)
        whole = one_piece(rough)
        if face is not None:
            whole = decided(image, whole, float(np.ptp(face[:, :2], axis=0).max()))
        return Matte(without_islands(sharpened(fitted_to(image, whole))))

    def _closer(self, image: Image, rough: Floats, face: Floats) -> Floats:
        """The rough mask with a second look at the head, which has finer edges."""
        low, high = face[:, :2].min(axis=0), face[:, :2].max(axis=0)
        size = float((high - low).max())
        middle = (low + high) / 2 - (0, 0.15 * size)
        height, width = rough.shape
        left, top = np.maximum(0, np.floor(middle - HEAD * size)).astype(int)
        right, bottom = np.minimum((width, height), np.ceil(middle + HEAD * size)).astype(int)
        if right - left < 8 or bottom - top < 8:
            return rough
        look = np.asarray(self._person(np.ascontiguousarray(image[top:bottom, left:right])), np.float32)
        inside = np.zeros((bottom - top, right - left), np.float32)
        edge = max(1, round(0.12 * size))
        inside[edge:-edge, edge:-edge] = 1
        share = cv2.GaussianBlur(inside, (0, 0), max(0.5, 0.05 * size))
        part = rough[top:bottom, left:right]
        kernel = np.ones((max(1, round(0.06 * size)),) * 2, np.uint8)
        sure = cv2.erode((part > SURE).astype(np.float32), kernel)
        mixed: Floats = rough.copy()
        mixed[top:bottom, left:right] = np.maximum(part * (1 - share) + look * share, sure)
        return mixed


def decided(picture: Image, mask: Floats, face: float) -> Floats:
    """The mask, in patches of doubt beside the person decided by what stands out from a plain background.

    Ends of hair, above all. `face` is its size in pixels.
    """
    height, width = mask.shape
    size, shrink = reduced(mask.shape, DECIDED_AT)
    inside = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.float32)
    doubt = ((inside > DOUBT[0]) & (inside < DOUBT[1])).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (max(3, round(BROAD * face * shrink)) | 1,) * 2)
    broad = cv2.morphologyEx(doubt, cv2.MORPH_OPEN, kernel)
    if not broad.any():
        return mask
    around = np.asarray(cv2.dilate(broad, kernel), np.uint8)
    patches = likely(doubt & around, inside, NEAR * face * shrink)
    sure = (inside <= DOUBT[0]).astype(np.uint8)
    seen = np.asarray(cv2.erode(sure, np.ones((5, 5), np.uint8)), np.uint8)
    if not patches.any() or not seen.any():
        return mask
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    apart, plain = standing_out(small, seen, SMOOTH * face * shrink, NEAR * face * shrink)
    there = cv2.morphologyEx(apart, cv2.MORPH_CLOSE, kernel)  # gleams of hair may look like the wall
    told, share = (
        cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)
        for plane in (there, patches * plain)
    )
    return np.asarray(mask + (told - mask) * share, np.float32)


def standing_out(picture: Image, seen: Image, sigma: float, about: float) -> tuple[Floats, Floats]:
    """(h, w) twice: 0..1 how much each pixel differs from the background, and 1 where that is plain.

    `seen` is 1 where the background is seen; its colours are averaged over `sigma` pixels, and judged
    over `about`.
    """
    wall = cv2.GaussianBlur(fill(picture, 1 - seen), (0, 0), max(1.0, sigma))
    change = np.abs(picture - wall).max(axis=2)
    window = (2 * max(1, round(about)) + 1,) * 2
    odd, share = (cv2.blur(plane.astype(np.float32), window) for plane in (change * seen, seen))
    noise = np.where(share > 0.02, odd / np.maximum(share, 0.02), 2 * PLAIN)
    least, times, more = STANDING_OUT
    there = np.clip((change - least - times * noise) / more, 0, 1)
    return np.asarray(there, np.float32), (noise < PLAIN).astype(np.float32)


def likely(patches: Image, inside: Floats, reach: float) -> Image:
    """(h, w) those of some patches that rather are the person, up to `reach` pixels from what surely is."""
    _, parts = cv2.connectedComponents(patches)
    count = np.maximum(np.bincount(parts.ravel()), 1)
    mean = np.bincount(parts.ravel(), inside.ravel()) / count
    mean[0] = 0
    away = cv2.distanceTransform((inside < DOUBT[1]).astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray((mean > LIKELY)[parts] & (away < reach), np.uint8)


def one_piece(mask: Floats) -> Floats:
    """The mask without islands beside the person, and without holes in them."""
    solid = (mask > 0.5).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(solid)
    if count < 2:
        return mask
    largest = labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    reach = np.ones((9, 9), np.uint8)
    near = cv2.dilate(largest.astype(np.uint8), reach) > 0
    count, labels, _, _ = cv2.connectedComponentsWithStats((~largest).astype(np.uint8), connectivity=4)
    edge = np.unique(np.concatenate([labels[0], labels[:, 0], labels[:, -1]]))
    outside = np.isin(labels, edge[edge > 0])
    filled = np.where(outside | largest, mask, 1.0)
    return np.asarray(np.where(near | ~outside, filled, np.minimum(filled, 0.2)), np.float32)


def without_islands(mask: Floats) -> Floats:
    """The mask without what is joined to the person by nothing solid."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((mask > 0.3).astype(np.uint8))
    if count < 2:
        return mask
    largest = (labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
    near = cv2.dilate(largest, np.ones((7, 7), np.uint8))
    return np.asarray(mask * near, np.float32)


class SteadyAlpha:
    """Alphas of a video's pictures in order, each held where its picture is as the one before."""

    def __init__(self) -> None:
        self._before: tuple[Image, Floats] | None = None  # grey picture and alpha

    def __call__(self, picture: Image, alpha: Floats) -> Floats:
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
        if self._before is not None and self._before[1].shape == alpha.shape:
            alpha = steadied(self._before, grey, alpha)
        self._before = (grey, alpha)
        return alpha


def steadied(before: tuple[Image, Floats], grey: Image, mask: Floats) -> Floats:
    """The mask of a video's next frame, held where the picture is the same as before."""
    change = cv2.GaussianBlur(cv2.absdiff(grey, before[0]), (0, 0), 2.0).astype(np.float32)
    hold = HELD * (1 - np.clip(change / CHANGED, 0, 1))
    return np.asarray(mask * (1 - hold) + before[1] * hold, np.float32)
