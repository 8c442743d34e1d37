"""Visible contour of a turned face, beyond the mesh oval, which lies hidden behind the far cheek."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats, Image
from ditto.faces.topology import EYES, LOWER_OUTER, OVAL, UPPER_OUTER
from ditto.packs.mini.source.template import Ints, default_template

MIN_BEYOND_OVAL = 1.0  # millimetres beyond its oval from which a face has another outline
OUTLINE_REACH = 12.0  # millimetres within the oval at which a turned face may end
# degrees that a side is turned away (negative: towards) from which its edge is grazed
NEAR_SIDE_TURN = (-10.0, -4.0)
FAR_SIDE_TURN = (5.0, 12.0)  # degrees that a side is turned away over which the mesh fits it less and less
MAX_TUCK = (5.0, 9.0)  # millimetres by which skin is then taken from within
SIDEWAYS_SHARE = (0.2, 0.5)  # of an outline's direction from which it is at a side
SKIN_SEARCH = 14.0  # millimetres from the far outline at which is skin, surely from SURE_SKIN on
SURE_SKIN = 8.0
MIN_COLOUR_CHANGE = 20.0  # grey levels by which what is behind a head differs from its skin at least
SKIN_MARGIN = 1.0  # millimetres farther within, where skin is not blended with what is behind
FEATURE_POINTS = (*UPPER_OUTER, *LOWER_OUTER, *(p for eye in EYES for p in eye.upper + eye.lower))
LID_POINTS = tuple(p for eye in EYES for p in eye.upper_fold + eye.upper_brow)
BROW_POINTS = (70, 63, 105, 66, 107, 300, 293, 334, 296, 336)
FEATURE_CLEARANCE = 5.0  # millimetres beside a way inwards within which a feature lies on it
FEATURE_MARGIN = 8.0  # millimetres beside it from which a feature is not moved
TUCK_TURN = 0.1  # sine of the angle over which a far cheek turns back until its skin is taken from within


@dataclass(frozen=True, slots=True, eq=False)
class Contour:
    """Contour of one source frame's face; that of a face seen from the front is its oval."""

    beyond: Floats  # (36,) pixels past the oval
    edges: Ints  # (m, 2) of the mesh that may be seen there
    within: Floats  # (478, 2) pixels inwards to where what the mesh has at the far outline is surely skin
    across: Floats  # (2,) from one side of the face to the other

    @classmethod
    def of(cls, image: Image, points: Floats, yaw: float, millimetre: float) -> Contour:
        beyond, outwards = past_oval(points, mesh_edges())
        beyond[beyond < MIN_BEYOND_OVAL * millimetre] = 0
        edges = near_outline(points, beyond, outwards, millimetre)
        sideways = share(np.abs(outwards[:, 0]), *SIDEWAYS_SHARE)
        away = -yaw * np.sign(outwards[:, 0])  # degrees by which each side is turned away
        most = MAX_TUCK[0] + (MAX_TUCK[1] - MAX_TUCK[0]) * share(away, *FAR_SIDE_TURN)
        tucks = sideways * share(away, *NEAR_SIDE_TURN) * most
        across = (points[454, :2] - points[234, :2]) / max(math.dist(points[454, :2], points[234, :2]), 1e-3)
        within = tucked_in(image, points, beyond, outwards, tucks, millimetre)
        return cls(beyond, edges, within, np.asarray(across, np.float32))

    def placed(self, points: npt.NDArray[np.floating]) -> Floats:
        """(36, 2) where a moved face ends: at its oval, or beyond, as far as the source's still hides it."""
        oval = points[list(OVAL), :2]
        if not self.beyond.any():
            return np.asarray(oval, np.float32)
        beyond, outwards = past_oval(points, self.edges)
        return np.asarray(oval + np.minimum(beyond, self.beyond)[:, None] * outwards, np.float32)

    def tucked(self, turn: Floats) -> Floats:
        """(478, 2) pixels inwards, the more a cheek turns to the camera: it is drawn out then.

        A head that only nods turns no cheek.
        """
        if not self.within.any():
            return self.within
        length = np.maximum(np.linalg.norm(self.within, axis=1, keepdims=True), 1e-6)
        turned = (self.within @ self.across)[:, None] * (turn[2, :2] @ self.across) / length
        return np.asarray(self.within * share(turned, 0, TUCK_TURN), np.float32)


def share(x: npt.NDArray[np.floating] | float, low: float, high: float) -> npt.NDArray[np.float64]:
    """0 below `low`, 1 above `high`."""
    return np.asarray(np.clip((x - low) / (high - low), 0, 1), np.float64)


def past_oval(points: npt.NDArray[np.floating], edges: Ints) -> tuple[Floats, Floats]:
    """(36,) pixels by which a face reaches beyond its oval, and (36, 2) the directions there.

    Of a face seen from one side, the far side of the oval lies hidden behind the cheek. `edges` (n, 2) of the
    mesh are looked at.
    """
    oval = points[list(OVAL), :2]
    outwards = oval - oval.mean(0)
    outwards = outwards / np.maximum(np.linalg.norm(outwards, axis=1, keepdims=True), 1e-3)
    across = np.stack([-outwards[:, 1], outwards[:, 0]], 1)
    along, aside = (points[:, :2] @ axis.T - (oval * axis).sum(1) for axis in (outwards, across))
    from_side, to_side = aside[edges[:, 0]], aside[edges[:, 1]]
    part = from_side / np.where(from_side == to_side, 1, from_side - to_side)
    reach = along[edges[:, 0]] * (1 - part) + along[edges[:, 1]] * part
    reach[from_side * to_side > 0] = 0
    return np.maximum(reach.max(0), 0).astype(np.float32), outwards.astype(np.float32)


def near_outline(points: Floats, beyond: Floats, outwards: Floats, millimetre: float) -> Ints:
    """(n, 2) edges of the mesh that may form the outline of a turned face where its oval is hidden."""
    hidden = beyond > 0
    away = points[:468, None, :2] - points[list(OVAL), :2][hidden]
    within = (away * outwards[hidden]).sum(2) > -OUTLINE_REACH * millimetre
    close = within & (np.linalg.norm(away, axis=2) < 2 * OUTLINE_REACH * millimetre)
    edges = mesh_edges()
    return np.ascontiguousarray(edges[close.any(1)[edges].any(1)], np.int32)


@lru_cache(maxsize=1)
def mesh_edges() -> Ints:
    """(n, 2) between points of the face, each once."""
    triangles = default_template().triangles
    pairs = np.concatenate([triangles[:, sides] for sides in ([0, 1], [1, 2], [2, 0])])
    return np.asarray(np.unique(np.sort(pairs, axis=1), axis=0), np.int32)


def tucked_in(
    image: Image, points: Floats, beyond: Floats, outwards: Floats, most: npt.NDArray[np.float64], mm: float
) -> Floats:
    """(478, 2) pixels inwards from the far outline of the face, which shows some of what is behind.

    How far the mesh overlaps what is behind is seen where colours change on the way inwards.
    """
    if not most.any():
        return np.zeros((len(points), 2), np.float32)
    rim = points[list(OVAL), :2] + beyond[:, None] * outwards
    depth = np.arange(0, SKIN_SEARCH, 0.5)
    where = (rim[:, None] - depth[:, None] * mm * outwards[:, None]).astype(np.float32)
    corner = np.clip(where.min((0, 1)) - 2, 0, np.array(image.shape[1::-1]) - 1).astype(int)
    last_x, last_y = np.maximum(where.max((0, 1)) + 3, corner + 1).astype(int)
    soft = cv2.GaussianBlur(image[corner[1] : last_y, corner[0] : last_x], (0, 0), max(0.5, 0.5 * mm))
    where -= corner.astype(np.float32)
    seen = cv2.remap(soft, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    skin = np.median(seen[:, depth >= SURE_SKIN].astype(np.float32), axis=1, keepdims=True)
    other = np.abs(seen - skin).max(2)
    least = np.maximum(MIN_COLOUR_CHANGE, other[:, :4].max(1, keepdims=True) / 2)
    last = np.where(other[:, depth < SURE_SKIN] > least, depth[depth < SURE_SKIN], 0).max(1)
    hair = last > SURE_SKIN - 1  # before the face: it would have to go wherever it is taken from
    beside = [np.roll(last, k) for k in range(-1, 2)]
    last, steady = np.max(beside, axis=0) + SKIN_MARGIN, np.median(beside, axis=0) + SKIN_MARGIN
    # before brows, eyes and lips it is about as far as beside them, and ends before eyes and lips
    count = len(rim)
    features = FEATURE_POINTS + LID_POINTS + BROW_POINTS
    spoilt = features_before(points, rim, outwards, features, FEATURE_CLEARANCE * mm) < SKIN_SEARCH * mm
    spoilt |= hair
    if spoilt.all():
        return np.zeros((len(points), 2), np.float32)
    among = np.interp(np.arange(count), np.flatnonzero(~spoilt), steady[~spoilt], period=count)
    last = np.where(spoilt, among, last) * mm
    last = np.minimum(last, features_before(points, rim, outwards, FEATURE_POINTS, FEATURE_MARGIN * mm) / 2)
    smooth = np.convolve(np.tile(last, 3), (0.25, 0.5, 0.25), "same")[count : 2 * count]
    smooth = np.minimum(smooth, most * mm)
    middle = points[list(OVAL), :2].mean(0)
    away = points[:, :2] - middle
    far_out = np.linalg.norm(away, axis=1)
    turn, theirs = (np.arctan2(v[:, 1], v[:, 0]) for v in (away, rim - middle))
    tuck = np.interp(turn, theirs, smooth, period=2 * np.pi)
    inside = np.interp(turn, theirs, np.linalg.norm(rim - middle, axis=1), period=2 * np.pi) - far_out
    moved = np.maximum(tuck - np.maximum(inside, 0) / 2, 0)
    return np.asarray(-away * (moved / np.maximum(far_out, 1e-3))[:, None], np.float32)


def features_before(
    points: Floats, rim: Floats, outwards: Floats, features: tuple[int, ...], aside: float
) -> Floats:
    """(36,) pixels inwards from the outline to the first of some points at most `aside` from the way."""
    away = points[list(features), None, :2] - rim
    inwards = -(away * outwards).sum(2)
    across = np.abs(away[..., 0] * outwards[:, 1] - away[..., 1] * outwards[:, 0])
    return np.asarray(np.where(across < aside, np.maximum(inwards, 0), np.inf).min(0), np.float32)
