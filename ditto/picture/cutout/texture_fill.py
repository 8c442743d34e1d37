"""Exemplar-based inpainting: the hidden part of a patterned background, pieced together from around it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats, Image
from ditto.kernels import In, Kernel, Out

Shifts = npt.NDArray[np.int32]

# at half the size, and then at the full one:
PATCH = (3, 2)  # pixels from the middle of a compared patch to its edge
SWEEPS = (3, 2)  # through all pixels
TRIES = (24, 2)  # places looked at for each pixel, beside those of its neighbours

_copy_alike = Kernel(
    "copy_alike", Out(np.float32), In(np.uint8), Out(np.uint8), In(np.uint8), int, int, *2 * [In(np.int32)],
    int, int, int, Out(np.int32), int,
)  # fmt: skip


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
        _copy_alike(
            found, np.ascontiguousarray(smooth), known, usable, *hidden.shape, places, looks,
            *looks.shape[:2], sweep % 2, shifts, reach,
        )  # fmt: skip
    return found, shifts
