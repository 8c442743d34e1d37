"""The person cut out of a picture: how far each pixel belongs to them, and in which colour."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from ditto.arrays import Floats, Image, Numbers
from ditto.picture.inpainting import fill

Person = Callable[[Image], Floats]

FINEST = 512  # pixels of the longer side the edge is fitted to the picture at
HEAD = 1.05  # half a side of the closer look at the head, in face sizes
SURE = 0.9  # of the person in the whole view: stays, whatever the closer look says
SHARPENED = (0.34, 0.86)  # of the fitted mask: what is below is nothing, above is whole
FITTED = 1e-4  # variance of colours below which an edge is not looked for
COLOURS = 320  # pixels of the longer side that colours are carried outwards at
DOUBT = (0.05, 0.95)  # of the mask: between is neither surely the background nor surely the person
BROAD = 0.10  # face sizes of a doubtful patch that is more than a soft edge
NEAR = 0.3  # face sizes from what is surely the person at which such a patch may be theirs
LIKELY = 0.3  # of the mask in the mean of a patch that is
SMOOTH = 0.05  # face sizes over which a background's colours are averaged
PLAIN = 4.0  # grey levels by which a background differs from its colours on average, for things to stand out
STANDING_OUT = (
    4.0,
    3.0,
    24.0,
)  # grey levels, and times that mean, that noise differs by; more that a thing does
HELD = 0.6  # share of the mask of a video's frame before, where the picture has not changed
CHANGED = 14.0  # grey levels of change from which a mask is taken as it is found
SMALL = 256  # pixels of the longer side of what is behind
PURE = (0.75, 0.985)  # of the mask: below, a pixel's own colour does not count; above, it alone does


class Matting:
    """Cuts out the person whose face is known. Without memory."""

    def __init__(self, person: Person) -> None:
        self._person = person

    def __call__(self, image: Image, face: Floats | None) -> Floats:
        """(h, w) in 0..1; `face` are landmarks, (n, 2) or more, None where no face is seen."""
        rough = np.asarray(self._person(image), np.float32)
        if face is not None:
            rough = self._closer(image, rough, face)
        whole = one_piece(rough)
        if face is not None:
            whole = decided(image, whole, float(np.ptp(face[:, :2], axis=0).max()))
        return without_islands(sharpened(fitted_to(image, whole)))

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
    shrink = min(1.0, COLOURS / max(height, width))
    size = (max(4, round(width * shrink)), max(4, round(height * shrink)))
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


def fitted_to(picture: Image, mask: Floats) -> Floats:
    """The mask with its edge moved to where the picture's colours change: a guided filter."""
    height, width = mask.shape
    shrink = min(1.0, FINEST / max(height, width))
    size = (max(4, round(width * shrink)), max(4, round(height * shrink)))
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32) / 255
    rough = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.float32)
    reach = max(2, round(max(size) * 0.014))

    def mean(values: Numbers) -> Floats:
        window = (2 * reach + 1, 2 * reach + 1)
        return np.asarray(cv2.blur(values, window, borderType=cv2.BORDER_REFLECT), np.float32)

    colour, share = mean(small), mean(rough)
    common = mean(small * rough[..., None]) - colour * share[..., None]
    spread: dict[tuple[int, int], Floats] = {}
    for a, b in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)):
        shared = mean(small[..., a] * small[..., b]) - colour[..., a] * colour[..., b]
        spread[a, b] = np.asarray(shared + np.float32(FITTED * (a == b)), np.float32)
    slope = solved(spread, common)
    offset = share - (slope * colour).sum(axis=2)
    lines = mean(np.dstack([slope, offset]))
    whole = np.asarray(cv2.resize(lines, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    guided = whole[..., 3]
    for channel in range(3):
        guided = guided + whole[..., channel] * (picture[..., channel] / np.float32(255))
    return np.asarray(guided, np.float32)


def solved(matrix: Mapping[tuple[int, int], Floats], right: Floats) -> Floats:
    """(h, w, 3) solutions of symmetric 3 x 3 equations, one a pixel: many times faster than a solver."""
    a, b, c, d, e, f = (matrix[at] for at in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)))
    xx, xy, xz = d * f - e * e, c * e - b * f, b * e - c * d
    yy, yz, zz = a * f - c * c, b * c - a * e, a * d - b * b
    x, y, z = right[..., 0], right[..., 1], right[..., 2]
    found = np.dstack([xx * x + xy * y + xz * z, xy * x + yy * y + yz * z, xz * x + yz * y + zz * z])
    return np.asarray(found / (a * xx + b * xy + c * xz)[..., None], np.float32)


def sharpened(mask: Floats) -> Floats:
    low, high = SHARPENED
    return np.asarray(np.clip((mask - low) / (high - low), 0, 1), np.float32)


def foreground(picture: Image, mask: Floats) -> Image:
    """The picture with the person's own colours carried over its edges, and nothing of what was behind."""
    height, width = mask.shape
    shrink = min(1.0, COLOURS / max(height, width))
    size = (max(4, round(width * shrink)), max(4, round(height * shrink)))
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    inside = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.float32)
    hidden = cv2.dilate((inside < PURE[1]).astype(np.uint8), np.ones((3, 3), np.uint8))
    grown = fill(small, np.asarray(hidden, np.uint8))
    carried = np.asarray(cv2.resize(grown, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    own = np.clip((mask - PURE[0]) / (PURE[1] - PURE[0]), 0, 1).astype(np.float32)
    mixed = cv2.blendLinear(picture.astype(np.float32), carried, own, 1 - own)
    return np.asarray(np.rint(mixed), np.uint8)


def behind(picture: Image, mask: Floats, longest: int) -> Image:
    """Background inpainted behind the person; a small picture."""
    height, width = mask.shape
    shrink = min(1.0, longest / max(height, width))
    size = (max(4, round(width * shrink)), max(4, round(height * shrink)))
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    person = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.float32)
    hidden = cv2.dilate((person > 0.05).astype(np.uint8), np.ones((5, 5), np.uint8))
    if hidden.all():
        return small
    return np.rint(fill(small, np.asarray(hidden, np.uint8))).astype(np.uint8)


def steadied(before: tuple[Image, Floats], grey: Image, mask: Floats) -> Floats:
    """The mask of a video's next frame, held where the picture is the same as before."""
    change = cv2.GaussianBlur(cv2.absdiff(grey, before[0]), (0, 0), 2.0).astype(np.float32)
    hold = HELD * (1 - np.clip(change / CHANGED, 0, 1))
    return np.asarray(mask * (1 - hold) + before[1] * hold, np.float32)
