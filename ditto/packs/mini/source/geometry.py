"""Geometry of a portrait: the place of its face, and the mesh over head and shoulders that moves it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ditto.arrays import Floats, Image
from ditto.faces.pose import Doubles, angles, fit, lid_opening, lip_gap
from ditto.faces.topology import (
    EYES,
    LOWER_INNER,
    LOWER_OUTER,
    MILLIMETRES,
    UPPER_INNER,
    UPPER_OUTER,
)
from ditto.packs.mini.curves import Box
from ditto.packs.mini.source.contour import Contour
from ditto.packs.mini.source.head_mesh import Rings
from ditto.packs.mini.source.template import Template
from ditto.smoothstep import smoothstep

DEPTH_GAIN = 1.15  # times the depth that the mesh network gives a head
SHUT_GAP = 1.2  # millimetres between the inner lips of a closed mouth
MIXED_RIM = 0.7  # pixels of an open mouth's rim in which lip and teeth are blended
MAX_RIM_SHARE = 0.4  # of a lip that may be given up with the rim
MAX_GRID = 512  # grid points along the longer side of the moving box


@dataclass(frozen=True, slots=True, eq=False)
class HeadGeometry:
    """The mesh of one source frame, in pixels of its picture; some 60 KB."""

    points: Floats  # (478, 3) face mesh
    face: Floats  # (478, 3) the same without head pose, in template units
    scale: float  # pixels for a template unit
    turn: Floats  # (3, 3) head pose
    pivot: Floats  # (3,) about which the head turns
    rings: Rings  # around the face
    contour: Contour
    gap: float  # millimetres between the inner lips
    eyes_open: tuple[float, float]  # lid opening over eye width
    pitch: float  # degrees
    yaw: float
    roll: float

    @property
    def millimetre(self) -> float:
        """Pixels."""
        return self.scale / MILLIMETRES

    @property
    def box(self) -> Box:
        """Box of pixels that can move."""
        return self.rings.box

    @property
    def wide_box(self) -> Box:
        """The same with as much as may come in from beyond the picture's edges."""
        return self.rings.wide_box

    @property
    def step(self) -> int:
        """Pixels from one point to the next of the grid on which the map of the wide box is known."""
        left, top, right, bottom = self.wide_box
        return -(-max(right - left, bottom - top) // MAX_GRID)


def geometry_of(image: Image, points: Floats, template: Template) -> HeadGeometry:
    """The geometry of a picture whose (478, 3) face mesh is known."""
    scales, turns, shifts = fit(template.shape, points[None])
    scale, turn = float(scales[0]), turns[0]
    points = clear_of_teeth(points, turn[:, 1], scale)
    face = (((points - shifts[0]) @ turn) / scale).astype(np.float32)
    pitch, yaw, roll = (float(a[0]) for a in angles(turns))
    seen = face[None].astype(np.float64)
    left_eye, right_eye = (float(lid_opening(seen, eye)[0]) for eye in EYES)
    contour = Contour.of(image, points, yaw, scale / MILLIMETRES)
    up = -turn[:2, 1] / np.linalg.norm(turn[:2, 1])
    rings = Rings.around(points, contour.placed(points), up, (image.shape[1], image.shape[0]))
    pivot = (points[234] + points[454]) / 2 + turn[:, 1] * scale * 0.45
    deep = points.copy()
    deep[:, 2], depth = (pivot[2] + (z - pivot[2]) * DEPTH_GAIN for z in (points[:, 2], rings.depth))
    return HeadGeometry(
        points=deep.astype(np.float32),
        face=face,
        scale=scale,
        turn=turn.astype(np.float32),
        pivot=pivot.astype(np.float32),
        rings=replace(rings, depth=depth.astype(np.float32)),
        contour=contour,
        gap=float(lip_gap(seen)[0]),
        eyes_open=(left_eye, right_eye),
        pitch=pitch,
        yaw=yaw,
        roll=roll,
    )


def clear_of_teeth(points: Floats, down: Doubles, scale: float) -> Floats:
    """(478, 3) with the inner rims of an open mouth drawn back on the lips.

    A pixel on the rim shows a little of the teeth; lips that carry it along stay parted by a bright
    or dark line when they close.
    """
    upper, lower = points[list(UPPER_INNER)] @ down, points[list(LOWER_INNER)] @ down
    thick = upper - points[list(UPPER_OUTER)] @ down, points[list(LOWER_OUTER)] @ down - lower
    open_by = float(lower[5] - upper[5]) / scale * MILLIMETRES
    bell = np.sqrt(np.sin(np.linspace(0, np.pi, 11)))
    back = MIXED_RIM * smoothstep(open_by, SHUT_GAP, 3 * SHUT_GAP) * bell
    drawn: Floats = points.copy()
    for chain, lip, sign in ((UPPER_INNER, thick[0], -1), (LOWER_INNER, thick[1], 1)):
        within = np.minimum(back, MAX_RIM_SHARE * np.maximum(lip, 0))
        drawn[list(chain)] += sign * within[:, None] * down
    return drawn
