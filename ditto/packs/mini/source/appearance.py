"""A portrait made ready to be moved: where its face is, and a mesh over head and shoulders."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats, Image
from ditto.faces.pose import OPEN_LID, SHUT_LID, Doubles, angles, fit, lid_opening
from ditto.faces.topology import (
    EYES,
    LOWER_INNER,
    LOWER_OUTER,
    MILLIMETRES,
    OVAL,
    UPPER_INNER,
    UPPER_OUTER,
)
from ditto.motion.angles import Bins, degrees_to_bins
from ditto.motion.vector import SourceMotion
from ditto.packs.mini.motion.expression_numbers import FULL_BLINK, METRE, Exp
from ditto.packs.mini.motion.sampler import OPENS
from ditto.packs.mini.paint.shapes import Box
from ditto.packs.mini.smoothstep import smoothstep
from ditto.packs.mini.source.contour import Outline
from ditto.packs.mini.source.drawn_eyes import around_whites
from ditto.packs.mini.source.head_mesh import Rings
from ditto.packs.mini.source.measure import lip_gap
from ditto.packs.mini.source.template import KEYPOINTS, Template, default_template
from ditto.source.avatar import SourceFrame

if TYPE_CHECKING:
    from ditto.packs.mini.background.layers import Background

DEEPER = 1.15  # than the mesh network draws a head
SHUT_GAP = 1.2  # millimetres between the inner lips of a closed mouth
MIXED = 0.7  # pixels of an open mouth's rim in which lip and teeth are blended
THINNEST = 0.4  # of a lip that may be given up with the rim
SMALL_FACE = 100  # pixels of its height below which the result is visibly soft
HELD_BACK = 0.5  # share of the head's usual turns where its outline is not known
ROUND_HEAD = 1.07  # radii of the oval at which there is still head, unless below the lips
LEAST_HEAD = 0.6  # share of it that a mask must know; other portraits' masks know 0.8 and more
TURNED = 25.0  # degrees of yaw above which hidden skin would have to be shown

UNKNOWN_OUTLINE = (
    "head and background cannot be told apart, so the head turns less and takes some background along, and "
    "--background may cut hair off; a picture with more room around the head is better"
)

Landmarks = Callable[[Image, Floats | None], Floats]
Matte = Callable[[Image], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class MiniAppearance:
    """The mesh of one source frame, in pixels of its picture; some 60 KB without a background."""

    points: Floats  # (478, 3) face mesh
    face: Floats  # (478, 3) the same without head pose, in template units
    scale: float  # pixels for a template unit
    turn: Floats  # (3, 3) head pose
    pivot: Floats  # (3,) about which the head turns
    rings: Rings  # around the face
    outline: Outline
    gap: float  # millimetres between the inner lips
    eyes_open: tuple[float, float]  # lid opening over eye width
    yaw: float  # degrees
    matte: Matte | None  # foreground of a picture in 0..1
    freedom: float = 1.0  # share of the usual limits within which the head turns
    background: Background | None = None  # of a portrait, found ahead of its first frame; ten bytes a pixel

    @property
    def millimetre(self) -> float:
        """Pixels."""
        return self.scale / MILLIMETRES

    @property
    def box(self) -> Box:
        """What can move."""
        return self.rings.box

    @property
    def wide_box(self) -> Box:
        """The same with as much as may come in from beyond the picture's edges."""
        return self.rings.wide_box


class MiniAnalyser:
    """Finds and measures the face in the frames of one source, in order."""

    def __init__(
        self, landmarks: Landmarks, matte: Matte | None = None, template: Template | None = None
    ) -> None:
        """`landmarks` gives the (478, 3) mesh of a picture, with that of the frame before to follow;
        `matte` the foreground. A template other than the pack's serves tests."""
        self._landmarks = landmarks
        self._matte = matte
        self._template = template or default_template()
        self._last: Floats | None = None
        self._trusted: bool | None = None  # whether the foreground holds the head, once it is known

    def analyse(self, image: Image, index: int) -> SourceFrame[MiniAppearance]:
        points = self._last = self._landmarks(image, self._last)
        frame = self._made_ready(image, index, around_whites(image, points))
        return dataclasses.replace(frame, landmarks=np.asarray(points, np.float32))

    def track(self, image: Image) -> Floats:
        """(478, 3) of a video's next frame."""
        points = self._last = self._landmarks(image, self._last)
        return points

    def measure(self, image: Image, index: int, landmarks: Floats) -> SourceFrame[MiniAppearance]:
        """A video's frame: unlike a portrait's, its expression says how the mouth and lids are held."""
        frame = self._made_ready(image, index, landmarks)
        held = frame.motion.exp.copy()
        for place, share in OPENS.items():
            held[0, place] = share * held[0, Exp.GAP]
        for place, opening in zip((Exp.BLINK_LEFT, Exp.BLINK_RIGHT), frame.eye_open, strict=True):
            held[0, place] = FULL_BLINK * METRE * (OPEN_LID - opening) / (OPEN_LID - SHUT_LID)
        return dataclasses.replace(frame, motion=dataclasses.replace(frame.motion, exp=held))

    def revisit(self, image: Image, known: SourceFrame[MiniAppearance]) -> SourceFrame[MiniAppearance]:
        if known.appearance is not None:
            return dataclasses.replace(known, image=image)
        frame = self._made_ready(image, known.index, known.landmarks)
        return dataclasses.replace(known, image=image, appearance=frame.appearance)

    def forget(self) -> None:
        """The next frame's face is looked for anew."""
        self._last = None

    def _made_ready(self, image: Image, index: int, points: Floats) -> SourceFrame[MiniAppearance]:
        """A source frame, without its foreground if in the first frame that was found to miss the head."""
        frame = source_frame(image, index, points, self._template, self._matte)
        look = frame.look
        if self._trusted is None:
            self._trusted = self._matte is None or head_share(image, look, self._matte) >= LEAST_HEAD
        if self._trusted:
            return frame
        return dataclasses.replace(
            frame,
            appearance=dataclasses.replace(look, matte=None, freedom=HELD_BACK),
            warnings=(*frame.warnings, UNKNOWN_OUTLINE),
        )


def source_frame(
    image: Image, index: int, points: Floats, template: Template, matte: Matte | None = None
) -> SourceFrame[MiniAppearance]:
    """A picture whose (478, 3) face mesh is known, ready to be painted."""
    scales, turns, shifts = fit(template.shape, points[None])
    found, points = points, clear_of_teeth(points, turns[0][:, 1], float(scales[0]))
    face = (((points - shifts[0]) @ turns[0]) / scales[0]).astype(np.float32)
    pitch, yaw, roll = (float(a[0]) for a in angles(turns))
    seen = face[None].astype(np.float64)
    gap = float(lip_gap(seen)[0])
    opening = tuple(float(lid_opening(seen, eye)[0]) for eye in EYES)
    expression = np.zeros((1, 63), np.float32)
    expression[0, Exp.GAP] = gap * METRE
    eyes_open = (opening[0], opening[1])
    appearance = mesh_around(image, points, face, float(scales[0]), turns[0], eyes_open, gap, yaw, matte)
    corners = np.array([[eye.upper[0], eye.iris[0], eye.upper[-1]] for eye in EYES]).reshape(-1)
    left, top, right, _ = appearance.box
    size = (right - left) / 512
    return SourceFrame(
        index=index,
        image=image,
        motion=SourceMotion(
            scale=np.ones((1, 1), np.float32),
            pitch=Bins(degrees_to_bins(pitch)[None]),
            yaw=Bins(degrees_to_bins(yaw)[None]),
            roll=Bins(degrees_to_bins(roll)[None]),
            t=np.zeros((1, 3), np.float32),
            exp=expression,
            kp=(face[list(KEYPOINTS)] * MILLIMETRES * METRE).reshape(1, 63).astype(np.float32),
        ),
        eye_open=np.asarray(opening, np.float32),
        eye_ball=np.asarray(points[corners, 0] / size, np.float32),
        to_frame=np.array([[size, 0, left], [0, size, top], [0, 0, 1]], np.float32),
        appearance=appearance,
        landmarks=np.asarray(found, np.float32),
        warnings=remarks(points),
    )


def clear_of_teeth(points: Floats, down: Doubles, scale: float) -> Floats:
    """(478, 3) with the inner rims of an open mouth drawn back on the lips.

    A pixel on the rim shows a little of the teeth; lips that carry it along stay parted by a bright
    or dark line when they close.
    """
    upper, lower = points[list(UPPER_INNER)] @ down, points[list(LOWER_INNER)] @ down
    thick = upper - points[list(UPPER_OUTER)] @ down, points[list(LOWER_OUTER)] @ down - lower
    open_by = float(lower[5] - upper[5]) / scale * MILLIMETRES
    back = MIXED * smoothstep(open_by, SHUT_GAP, 3 * SHUT_GAP) * np.sqrt(np.sin(np.linspace(0, np.pi, 11)))
    drawn: Floats = points.copy()
    for chain, lip, sign in ((UPPER_INNER, thick[0], -1), (LOWER_INNER, thick[1], 1)):
        drawn[list(chain)] += sign * np.minimum(back, THINNEST * np.maximum(lip, 0))[:, None] * down
    return drawn


def head_share(image: Image, look: MiniAppearance, matte: Matte) -> float:
    """How much of what lies close around the upper face, where a head goes on, is foreground."""
    left, top, right, bottom = look.box
    oval = look.points[list(OVAL), :2]
    middle = oval.mean(0)
    height = (oval - look.points[152, :2]) @ -look.turn[:2, 1]
    around = middle + (oval - middle)[height > height.max() / 3] * ROUND_HEAD - (left, top)
    x, y = np.rint(around).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < right - left) & (y < bottom - top)
    if not inside.any():
        return 1.0
    return float(
        (matte(np.ascontiguousarray(image[top:bottom, left:right]))[y[inside], x[inside]] > 0.5).mean()
    )


def remarks(points: Floats) -> tuple[str, ...]:
    """What will not look good, in words."""
    height = float(np.ptp(points[list(OVAL), 1]))
    if height >= SMALL_FACE:
        return ()
    return (f"the face is {height:.0f} pixels high; below {SMALL_FACE} the result is soft",)


def mesh_around(
    image: Image,
    points: Floats,
    face: Floats,
    scale: float,
    turn: npt.NDArray[np.float64],
    opening: tuple[float, float],
    gap: float,
    yaw: float,
    matte: Matte | None,
) -> MiniAppearance:
    """The mesh of a face and of what is around it."""
    outline = Outline.of(image, points, yaw, scale / MILLIMETRES)
    up = -turn[:2, 1] / np.linalg.norm(turn[:2, 1])
    rings = Rings.around(points, outline.placed(points), up, (image.shape[1], image.shape[0]))
    pivot = (points[234] + points[454]) / 2 + turn[:, 1] * scale * 0.45
    deep = points.copy()
    deep[:, 2], depth = (pivot[2] + (z - pivot[2]) * DEEPER for z in (points[:, 2], rings.depth))
    return MiniAppearance(
        points=deep.astype(np.float32),
        face=face,
        scale=scale,
        turn=turn.astype(np.float32),
        pivot=pivot.astype(np.float32),
        rings=dataclasses.replace(rings, depth=depth.astype(np.float32)),
        outline=outline,
        gap=gap,
        eyes_open=opening,
        yaw=yaw,
        matte=matte,
    )
