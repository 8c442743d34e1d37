"""Fits the mesh's lids to a drawing's eyes, which are larger than people's."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats, Image
from ditto.faces.topology import EYES

PATCH_EYE_PIXELS = 64  # pixels of an eye in the patch that is looked at
PATCH_SIZE = (2.6, 2.2)  # eye widths that the patch is wide and tall
MIN_EYE_PIXELS = 16  # pixels of an eye's width below which nothing can be told
CHEEK_ROWS = (0.55, 0.85)  # eye widths below an eye between which there is skin
MIN_SKIN_SATURATION = 0.25  # saturation of skin from which white can be told from it
MAX_WHITE_SATURATION = 0.5  # of the skin's saturation below which a pixel is white
MIN_WHITE_LIGHT = 0.6  # of the skin's brightness above which it is
# of the white's border beyond the mesh that must be skin or a line, lest it be a glint on skin
MIN_BORDER_SHARE = 0.6
MIN_BORDER_SATURATION = 0.75  # of the skin's saturation, from which a border is skin
MAX_LINE_LIGHT = 0.5  # of the skin's brightness, below which it is a line
FIT_GROWTH = 1.015  # times the mesh's size from which an eye is fitted
MAX_REACH = 0.8  # eye widths beyond the mesh at which what is white is no eye
FADE_REACH = 1.8  # times its farthest move, the distance from the lids over which the mesh comes to rest
DIRECTIONS = 72


def around_whites(image: Image, points: Floats) -> Floats:
    """(478, 3) landmarks, those around an eye moved outwards where its white goes on beyond the lids."""
    patches = [EyePatch(image, points, number) for number in range(len(EYES))]
    reaches = [patch.beyond() for patch in patches]
    left, right = reaches
    if left is not None and right is not None:  # what a shadow hides in one eye is seen in the other
        most = np.maximum(left, mirrored(right))
        reaches = [most, mirrored(most)]
    fitted = points.copy()
    for patch, reach in zip(patches, reaches, strict=True):
        if reach is not None:
            fitted[:468, :2] += patch.moves(reach)
    return np.asarray(fitted, np.float32)


class EyePatch:
    """One eye, upright and PATCH_EYE_PIXELS pixels from corner to corner."""

    def __init__(self, image: Image, points: Floats, number: int) -> None:
        eye = EYES[number]
        ends = points[[eye.upper[0], eye.upper[-1]], :2]
        axis = (ends[1] - ends[0]) * (1 if number == 0 else -1)  # to the right
        self._width = float(np.hypot(*axis))
        along = axis / max(self._width, 1e-3) ** 2 * PATCH_EYE_PIXELS
        self._into = np.array([[along[0], along[1]], [-along[1], along[0]]])  # from the picture's pixels
        rim = list(eye.upper + eye.lower[1:-1][::-1])
        middle = points[rim, :2].mean(0)
        self._mesh = (points[:468, :2] - middle) @ self._into.T
        self._rim = self._mesh[rim]
        size = (round(PATCH_SIZE[0] * PATCH_EYE_PIXELS), round(PATCH_SIZE[1] * PATCH_EYE_PIXELS))
        self._centre = np.array(size) / 2
        matrix = np.column_stack([self._into, self._centre - self._into @ middle])
        self._patch = cv2.warpAffine(
            image, matrix, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
        ).astype(np.float32)

    def beyond(self) -> Floats | None:
        """(DIRECTIONS,) how far the white goes on beyond the lids; None where it does not."""
        inside = np.zeros(self._patch.shape[:2], np.uint8)
        cv2.fillPoly(inside, [np.rint(self._rim + self._centre).astype(np.int32)], 1)
        if self._width < MIN_EYE_PIXELS or inside.sum() < PATCH_EYE_PIXELS:
            return None
        found = with_white(self._patch, inside)
        if found is None:
            return None
        hull = cv2.convexHull(np.argwhere(found)[:, ::-1].astype(np.int32))[:, 0] - self._centre
        reach = np.maximum(radii(hull) - radii(self._rim), 0)
        return None if reach.max() > MAX_REACH * PATCH_EYE_PIXELS else np.asarray(reach, np.float32)

    def moves(self, reach: Floats) -> Floats:
        """(468, 2) pixels of the picture by which the mesh is to move."""
        smooth = np.convolve(np.tile(reach, 3), np.ones(5) / 5, "same")[DIRECTIONS : 2 * DIRECTIONS]
        x, y = self._mesh.T
        far, angle = np.hypot(x, y), np.arctan2(y, x) / (2 * np.pi) * DIRECTIONS
        turns = np.arange(DIRECTIONS)
        outwards = np.interp(angle, turns, smooth, period=DIRECTIONS)
        rim = np.interp(angle, turns, radii(self._rim), period=DIRECTIONS)
        rest = np.clip((far - rim) / (FADE_REACH * max(float(smooth.max()), 1e-3)), 0, 1)
        moved = self._mesh * (outwards * (1 - rest) / np.maximum(far, 1e-3))[:, None]
        return np.asarray(moved @ np.linalg.inv(self._into).T, np.float32)


def with_white(patch: Floats, inside: Image) -> Image | None:
    """(h, w) 1 inside the eye and in the white that goes on beyond it; None where none does."""
    rows, columns = np.nonzero(inside)
    top, bottom = (int(rows.max() + share * PATCH_EYE_PIXELS) for share in CHEEK_ROWS)
    bright = patch.max(2)
    colour = (bright - patch.min(2)) / np.maximum(bright, 20)
    cheek = (slice(top, bottom), slice(columns.min(), columns.max() + 1))
    if not bright[cheek].size:
        return None
    skin, light = float(np.median(colour[cheek])), float(np.median(bright[cheek]))
    if skin < MIN_SKIN_SATURATION:
        return None
    pale = ((colour < MAX_WHITE_SATURATION * skin) & (bright > MIN_WHITE_LIGHT * light)).astype(np.uint8)
    _, parts = cv2.connectedComponents(cv2.morphologyEx(pale, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))
    own = np.unique(parts[cv2.erode(inside, np.ones((3, 3), np.uint8)) > 0])
    found = (np.isin(parts, own[own > 0]) | (inside > 0)).astype(np.uint8)
    if found.sum() < FIT_GROWTH * inside.sum():
        return None
    new = found & (1 - inside)
    border = cv2.dilate(new, np.ones((9, 9), np.uint8)) > cv2.dilate(found, np.ones((3, 3), np.uint8))
    if (
        not border.any()
        or ((colour > MIN_BORDER_SATURATION * skin) | (bright < MAX_LINE_LIGHT * light))[border].mean()
        < MIN_BORDER_SHARE
    ):
        return None
    return found


def radii(contour: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """(DIRECTIONS,) pixels from (0, 0) to a closed (n, 2) line around it, from the right by way of below."""
    ahead = np.roll(contour, -1, axis=0)
    share = np.linspace(0, 1, 16, endpoint=False)[:, None, None]
    line = (contour + share * (ahead - contour)).reshape(-1, 2)
    angle = np.arctan2(line[:, 1], line[:, 0]) / (2 * np.pi) * DIRECTIONS
    far = np.hypot(line[:, 0], line[:, 1])
    return np.asarray(np.interp(np.arange(DIRECTIONS), angle, far, period=DIRECTIONS))


def mirrored(reach: Floats) -> Floats:
    """The same of the other eye."""
    return np.asarray(reach[(DIRECTIONS // 2 - np.arange(DIRECTIONS)) % DIRECTIONS], np.float32)
