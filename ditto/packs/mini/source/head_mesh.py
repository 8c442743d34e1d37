"""The mesh around a face: rings of points that follow the head less the farther they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np

from ditto.arrays import Floats
from ditto.faces.pose import Doubles
from ditto.faces.topology import OVAL, POINTS
from ditto.packs.mini.curves import Box
from ditto.packs.mini.source.template import Ints
from ditto.smoothstep import ramp, smoothstep

RING_RADII = (1.0, 1.07, 1.18, 1.34, 1.56, 1.85, 2.2, 2.6, 3.1)  # radii of the face's oval
REST_BELOW = (-0.05, 0.70)  # face heights below the chin between which what is there comes to rest
REST_ABOVE = (0.50, 0.85)  # the same above the face
REST_BESIDE_HEAD = (0.65, 1.05)  # the same from the middle to what is beside the head
REST_BESIDE_NECK = (0.40, 0.78)  # and beside the neck: shoulders do not tilt with the head
NECK_HEIGHTS = (-0.25, 0.35)  # face heights below the chin between which the neck begins
EAR_DISTANCE = 0.22  # face heights around the face at which everything is as deep as ears
EXPRESSION_FADE = 0.20  # face heights in which the pull of an expression fades
PICTURE_EDGE_FADE = 0.18  # face heights beyond the picture within which what moves comes to rest
CUT_OFF_HEIGHTS = (0.2, 0.3)  # face heights above the face: a forehead is cut off, a crown is seen
BOX_MARGIN = 0.10  # face heights around what can move


@dataclass(frozen=True, eq=False)
class Rings:
    """Points around one face, in pixels of its picture."""

    points: Floats  # (n, 2) the first ring along the face's outline
    depth: Floats  # (n,)
    weight: Floats  # (n,) 1 moves with the head, 0 stays
    pull: Floats  # (n,) share of the expression at the oval
    box: Box  # what can move
    wide_box: Box  # the same with as much as may come in from beyond the picture's edges

    @cached_property
    def solid(self) -> Floats:
        """(n, 3) the points with their depth."""
        return np.column_stack([self.points, self.depth]).astype(np.float32)

    @classmethod
    def around(cls, face: Floats, outline: Floats, up: Doubles, size: tuple[int, int]) -> Rings:
        """Around a (478, 3) face with a (36, 2) outline in a picture of so many pixels across and down."""
        middle = face[list(OVAL), :2].mean(0)
        tall = float(np.linalg.norm(face[10, :2] - face[152, :2]))
        points = np.concatenate([middle + (outline - middle) * ring for ring in RING_RADII]).astype(
            np.float32
        )
        far = np.linalg.norm(outline - middle, axis=1)
        away = np.concatenate([far * (ring - 1) for ring in RING_RADII]) / tall
        beyond = PICTURE_EDGE_FADE * tall
        above = beyond * smoothstep(
            face[10, 1] / tall, *CUT_OFF_HEIGHTS
        )  # more of a forehead is hard to make up
        inside = within(points, size, beyond, above)
        weight = following(points, face, middle, up, tall) * inside
        weight[-len(OVAL) :] = 0
        # a point that moves drags the mesh as far as the next ring
        reached = np.concatenate([np.ones(2 * len(OVAL), bool), weight[len(OVAL) : -len(OVAL)] > 0])
        low, high = points[reached].min(0) - BOX_MARGIN * tall, points[reached].max(0) + BOX_MARGIN * tall
        low, high = np.maximum([-beyond, -above], low), np.minimum(np.add(size, beyond), high)
        left, top, right, bottom = (int(at) for at in (*np.floor(low), *np.ceil(high)))
        return cls(
            points,
            depth_of(face, away),
            weight,
            np.asarray(np.exp(-((away / EXPRESSION_FADE) ** 2)) * inside, np.float32),
            (max(0, left), max(0, top), min(size[0], right), min(size[1], bottom)),
            (left, top, right, bottom),
        )


def following(points: Floats, face: Floats, middle: Floats, up: Doubles, tall: float) -> Floats:
    """(n,) how much of the head's motion each of (n, 2) points makes."""
    below = -((points - face[152, :2]) @ up) / tall
    beside = np.abs((points - middle) @ np.array([-up[1], up[0]])) / tall
    neck = ramp(below, *NECK_HEIGHTS)
    weight = 1 - ramp(below, *REST_BELOW)
    weight *= (1 - neck) * (1 - ramp(beside, *REST_BESIDE_HEAD)) + neck * (
        1 - ramp(beside, *REST_BESIDE_NECK)
    )
    weight *= 1 - ramp(((points - face[10, :2]) @ up) / tall, *REST_ABOVE)
    return np.asarray(weight, np.float32)


def within(points: Floats, size: tuple[int, int], beyond: float, above: float) -> Floats:
    """(n,) 1 in the picture, 0 from `beyond` pixels outside it on; `above` are those at the upper edge."""
    edge = np.minimum(points, np.subtract(size, 1) - points)
    edge[:, 1] = np.minimum(edge[:, 1], points[:, 1] + above - beyond)
    return ramp(edge.min(1), -beyond, 0)


def depth_of(face: Floats, away: Doubles) -> Floats:
    """(n,) as deep as the face's outline next to it, as ears farther away."""
    near = 1 - ramp(away.astype(np.float32), 0, EAR_DISTANCE)
    ears = (face[234, 2] + face[454, 2]) / 2
    return np.asarray(np.tile(face[list(OVAL), 2], len(RING_RADII)) * near + ears * (1 - near), np.float32)


@lru_cache(maxsize=1)
def ring_triangles() -> Ints:
    """(n, 3) triangles between each ring and the next, counted behind the points of the face."""
    around = len(OVAL)
    lines = [POINTS + k * around + np.arange(around) for k in range(len(RING_RADII))]
    found = []
    for inner, outer in pairwise(lines):
        found += [np.stack([inner, np.roll(inner, -1), outer], 1)]
        found += [np.stack([np.roll(inner, -1), np.roll(outer, -1), outer], 1)]
    return np.ascontiguousarray(np.concatenate(found), np.int32)
