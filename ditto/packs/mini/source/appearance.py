"""Appearance of a source frame: all that it is painted from, in one object."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from ditto.arrays import Floats, Image
from ditto.faces.pose import OPEN_LID, SHUT_LID
from ditto.faces.topology import EYES, MILLIMETRES
from ditto.motion.angles import Bins, degrees_to_bins
from ditto.motion.vector import SourceMotion
from ditto.packs.mini.background.layers import Background, opaque_box
from ditto.packs.mini.motion.expression_numbers import FULL_BLINK, METRE, OPENS, Exp
from ditto.packs.mini.source.eye_layer import EyeLayer, eye_layer
from ditto.packs.mini.source.geometry import HeadGeometry
from ditto.packs.mini.source.mouth_details import MouthDetails, mouth_details
from ditto.packs.mini.source.template import KEYPOINTS
from ditto.picture.cutout.matting import Person
from ditto.source.avatar import SourceFrame


class MiniAppearance(Protocol):
    """One source frame, ready to be moved."""

    @property
    def image(self) -> Image:
        """(H, W, 3) the whole picture."""

    @property
    def head(self) -> HeadGeometry: ...

    @property
    def freedom(self) -> float:
        """Share of the usual limits within which the head turns."""

    @property
    def opaque(self) -> Image:
        """(h, w, 4) the wide moving box, all of it foreground."""

    @property
    def background(self) -> Background | None:
        """Foreground and what lies behind it; None where they cannot be told apart."""

    @property
    def eyes(self) -> tuple[EyeLayer | None, EyeLayer | None]:
        """None of an eye that is shut, or too small to be painted."""

    @property
    def mouth(self) -> MouthDetails: ...


@dataclass(frozen=True, slots=True, eq=False)
class PortraitAppearance:
    """That of a portrait, whole when it is registered: arrays and numbers, nothing to be called."""

    image: Image
    head: HeadGeometry
    freedom: float
    opaque: Image
    background: Background | None
    eyes: tuple[EyeLayer | None, EyeLayer | None]
    mouth: MouthDetails


@dataclass(frozen=True, eq=False)
class FrameAppearance:
    """That of a video's frame, which needs few of its parts and is shown once or twice.

    They are made when they are first asked for, and kept.
    """

    image: Image
    head: HeadGeometry
    person: Person | None = None  # who stands in front; None where it cannot be told
    freedom: float = 1.0

    @cached_property
    def opaque(self) -> Image:
        return opaque_box(self.image, self.head)

    @cached_property
    def background(self) -> Background | None:
        """Ten bytes a pixel of the wide box."""
        return None if self.person is None else Background.of(self.image, self.head, self.person)

    @cached_property
    def eyes(self) -> tuple[EyeLayer | None, EyeLayer | None]:
        left, right = (eye_layer(self.image, self.head, eye) for eye in EYES)
        return left, right

    @cached_property
    def mouth(self) -> MouthDetails:
        return mouth_details(self.image, self.head)

    def whole(self) -> PortraitAppearance:
        """The same with every part made, and no network behind it."""
        return PortraitAppearance(
            self.image, self.head, self.freedom, self.opaque, self.background, self.eyes, self.mouth
        )


def portrait_motion(head: HeadGeometry) -> SourceMotion:
    """Motion of a picture taken for itself: what it shows is its rest, but for the gap between the lips."""
    expression = np.zeros((1, 63), np.float32)
    expression[0, Exp.GAP] = head.gap * METRE
    return motion_of(head, expression)


def video_motion(head: HeadGeometry) -> SourceMotion:
    """Motion of a video's frame: unlike a portrait's, it says how the mouth and lids are held."""
    expression = np.zeros((1, 63), np.float32)
    expression[0, Exp.GAP] = head.gap * METRE
    for place, share in OPENS.items():
        expression[0, place] = share * expression[0, Exp.GAP]
    openings = np.asarray(head.eyes_open, np.float32)
    for place, opening in zip((Exp.BLINK_LEFT, Exp.BLINK_RIGHT), openings, strict=True):
        expression[0, place] = FULL_BLINK * METRE * (OPEN_LID - opening) / (OPEN_LID - SHUT_LID)
    return motion_of(head, expression)


def motion_of(head: HeadGeometry, expression: Floats) -> SourceMotion:
    """Motion of a head as it is in its picture, with a (1, 63) expression."""
    return SourceMotion(
        scale=np.ones((1, 1), np.float32),
        pitch=Bins(degrees_to_bins(head.pitch)[None]),
        yaw=Bins(degrees_to_bins(head.yaw)[None]),
        roll=Bins(degrees_to_bins(head.roll)[None]),
        t=np.zeros((1, 3), np.float32),
        exp=expression,
        kp=(head.face[list(KEYPOINTS)] * MILLIMETRES * METRE).reshape(1, 63).astype(np.float32),
    )


def source_frame(
    look: MiniAppearance,
    index: int,
    landmarks: Floats,
    motion: SourceMotion,
    warnings: tuple[str, ...] = (),
) -> SourceFrame[MiniAppearance]:
    """A source frame; `landmarks` (478, 3) are those that were found in it."""
    head = look.head
    corners = np.array([[eye.upper[0], eye.iris[0], eye.upper[-1]] for eye in EYES]).reshape(-1)
    left, top, right, _ = head.box
    size = (right - left) / 512
    return SourceFrame(
        index=index,
        image=look.image,
        motion=motion,
        eye_open=np.asarray(head.eyes_open, np.float32),
        eye_ball=np.asarray(head.points[corners, 0] / size, np.float32),
        to_frame=np.array([[size, 0, left], [0, size, top], [0, 0, 1]], np.float32),
        appearance=look,
        landmarks=np.asarray(landmarks, np.float32),
        warnings=warnings,
    )
