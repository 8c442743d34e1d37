"""The hidden part of a patterned background, pieced together from what is seen around it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from numba import njit

from ditto.messages import Floats, Image

Shifts = npt.NDArray[np.int32]

# at half the size, and then at the full one:
PATCH = (3, 2)  # pixels from the middle of a compared patch to its edge
SWEEPS = (3, 2)  # through all pixels
TRIES = (24, 2)  # places looked at for each pixel, beside those of its neighbours
FAR = 0.35  # squared grey levels that each pixel of distance costs
LIKE = 0.25  # of a squared difference from what is merely grown over
NEW = (1.3, 40.0)  # times and squared grey levels by which a place of its own must be the better one


def pieced(picture: Image, smooth: Image, wanted: Image, hidden: Image, farthest: float) -> Image:
    """The picture with its wanted part, all of it hidden, copied bit by bit from what is not hidden.

    From the edge inwards, each pixel takes the place whose surroundings resemble its own most, of those next
    to its neighbours' and some at most `farthest` pixels away. `smooth` is the picture grown over what is
    hidden: what is copied tends towards its colours.
    """
    size = (hidden.shape[1], hidden.shape[0])
    half = (max(4, size[0] // 2), max(4, size[1] // 2))
    less, smoother = (
        np.asarray(cv2.resize(each, half, interpolation=cv2.INTER_AREA), np.uint8)
        for each in (picture, smooth)
    )
    covered = (cv2.resize(hidden * 255, half, interpolation=cv2.INTER_AREA) > 4).astype(np.uint8)
    where = np.asarray(cv2.resize(wanted, half, interpolation=cv2.INTER_NEAREST), np.uint8)
    first = np.zeros((half[1], half[0], 2), np.int32)
    _, coarse = inwards(less, smoother, where, covered, first, 0, farthest / 2)
    doubled = cv2.resize(coarse.astype(np.float32) * 2, size, interpolation=cv2.INTER_NEAREST)
    first = np.asarray(doubled, np.int32)
    found, _ = inwards(picture, smooth, wanted, hidden, first, 1, farthest)
    return found.astype(np.uint8)


def inwards(
    picture: Image,
    smooth: Image,
    wanted: Image,
    hidden: Image,
    first: Shifts,
    fineness: int,
    farthest: float,
) -> tuple[Floats, Shifts]:
    """The picture pieced together, and how far down and right each pixel was copied from."""
    depth = cv2.distanceTransform(hidden, cv2.DIST_L2, 5)
    rows, columns = np.nonzero(wanted & hidden)
    order = np.argsort(depth[rows, columns], kind="stable")
    places = np.stack([rows, columns], 1)[order].astype(np.int32)
    looks = (
        np.random.default_rng(0)
        .uniform(-farthest, farthest, (len(places), TRIES[fineness], 2))
        .astype(np.int32)
    )
    looks[:, 0] = first[places[:, 0], places[:, 1]]
    reach = PATCH[fineness]
    patch = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    usable = cv2.erode(1 - hidden, patch, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    found, known, shifts = picture.astype(np.float32), 1 - hidden, np.zeros((*hidden.shape, 2), np.int32)
    for sweep in range(SWEEPS[fineness]):
        back = slice(None, None, -1 if sweep % 2 else 1)
        copy_alike(found, smooth, known, usable, places[back], looks[back], shifts, reach)
    return found, shifts


@njit(cache=True, nogil=True, fastmath=True)
def copy_alike(picture, smooth, known, usable, places, looks, shifts, reach):  # type: ignore[no-untyped-def]
    """Copies the most alike of a few places to each of `places`; `known` and `shifts` learn of it."""
    height, width = known.shape
    for n in range(len(places)):
        y, x = places[n]
        best, best_down, best_right = np.float32(1e30), 0, 0
        for k in range(9 + looks.shape[1]):
            if k < 9:  # where it came from last time, and where its neighbours did
                v, u = y + k // 3 - 1, x + k % 3 - 1
                if v < 0 or u < 0 or v >= height or u >= width:
                    continue
                down, right = shifts[v, u]
            else:
                down, right = looks[n, k - 9]
            v, u = y + down, x + right
            if (down == 0 and right == 0) or v < 0 or u < 0 or v >= height or u >= width or not usable[v, u]:
                continue
            cost, count = np.float32(0), 0
            for i in range(-reach, reach + 1):
                if y + i < 0 or y + i >= height:
                    continue
                for j in range(-reach, reach + 1):
                    if x + j < 0 or x + j >= width or not known[y + i, x + j]:
                        continue
                    for c in range(3):
                        off = picture[y + i, x + j, c] - picture[v + i, u + j, c]
                        cost += off * off
                    count += 1
            if count == 0:
                continue
            cost /= count
            for c in range(3):
                off = np.float32(smooth[y, x, c]) - picture[v, u, c]
                cost += np.float32(LIKE) * off * off
            cost += np.float32(FAR) * np.hypot(np.float32(down), np.float32(right))
            if k >= 9:
                cost = cost * np.float32(NEW[0]) + np.float32(NEW[1])
            if cost < best:
                best, best_down, best_right = cost, down, right
        if best < np.float32(1e30):
            shifts[y, x, 0], shifts[y, x, 1] = best_down, best_right
            for c in range(3):
                picture[y, x, c] = picture[y + best_down, x + best_right, c]
            known[y, x] = 1
