"""Analyser of the built-in pack: a picture, or a video's frame, becomes an appearance."""

from __future__ import annotations

import dataclasses
from typing import Protocol

import numpy as np

from cfg.errors import NoFaceError
from cfg.settings import SourceSettings
from ditto.arrays import Floats, Image
from ditto.faces.finder import FaceFinder
from ditto.faces.topology import OVAL
from ditto.packs.mini.source.appearance import (
    FrameAppearance,
    MiniAppearance,
    portrait_motion,
    source_frame,
    video_motion,
)
from ditto.packs.mini.source.drawn_eyes import around_whites
from ditto.packs.mini.source.followed_face import FollowedFace
from ditto.packs.mini.source.geometry import HeadGeometry, geometry_of
from ditto.packs.mini.source.template import Template, default_template
from ditto.picture.cutout.matting import Person
from ditto.source.avatar import SourceFrame

SOFT_FACE = 100  # pixels of its height below which the result is visibly soft
SOFT_YAW = 25.0  # degrees above which hidden skin would have to be shown
MAX_YAW = 40.0  # degrees above which the mouth lies on the face's outline, and tears it
WIDE_GAP = 20.0  # millimetres between the lips above which a mouth cannot be shut well
MAX_GAP = 32.0  # millimetres above which the lower lip is looked for on the tongue
MAX_MISSING = 0.02  # share of a face beyond the picture's edge, above which it is made up
HELD_BACK = 0.5  # share of the head's usual turns where its outline is not known
ROUND_HEAD = 1.07  # radii of the oval at which there is still head, unless below the lips
MIN_HEAD_SHARE = 0.6  # that a mask must know of it; other portraits' masks know 0.8 and more

UNKNOWN_OUTLINE = (
    "head and background cannot be told apart, so the head turns less and takes some background along, and "
    "--background may cut hair off; a picture with more room around the head is better"
)


class Follow(Protocol):
    """Finds the face of a source in its frames."""

    notes: tuple[str, ...]  # on the choice of the face
    followed: bool  # whether the last face was the one of the frame before

    def __call__(self, image: Image, previous: Floats | None) -> Floats:
        """(478, 3) in pixels; `previous` are those of the frame before."""


class MiniAnalyser:
    """Finds and measures the face in the frames of one source, in order."""

    def __init__(
        self, follow: Follow, person: Person | None = None, template: Template | None = None
    ) -> None:
        """`person` tells who stands in front in a picture. A template other than the pack's serves tests."""
        self._follow = follow
        self._person = person
        self._template = template or default_template()
        self._last: Floats | None = None
        self._trusted: bool | None = None  # whether the foreground holds the head, once it is known

    @classmethod
    def of(cls, finder: FaceFinder, settings: SourceSettings, person: Person | None = None) -> MiniAnalyser:
        """One that finds faces by the pack's networks, and foreground too unless by another `person`."""
        return cls(FollowedFace(finder, settings), person or finder.person)

    def analyse(self, image: Image, index: int) -> SourceFrame[MiniAppearance]:
        landmarks = self._found(image, f"frame {index}: " if index else "")
        head = geometry_of(image, around_whites(image, landmarks), self._template)
        refuse_unusable(head)
        cut_off = outside(image, head.points) > MAX_MISSING
        look, notes = self._seen(image, head, HELD_BACK if cut_off else 1.0)
        notes += self._follow.notes + remarks(head, cut_off)
        return source_frame(look.whole(), index, landmarks, portrait_motion(head), notes)

    def track(self, image: Image, index: int) -> tuple[Floats, bool]:
        return self._found(image, f"frame {index}: "), self._follow.followed

    def measure(self, image: Image, index: int, landmarks: Floats) -> SourceFrame[MiniAppearance]:
        head = geometry_of(image, landmarks, self._template)
        look, notes = self._seen(image, head)
        return source_frame(look, index, landmarks, video_motion(head), notes + self._follow.notes)

    def revisit(self, image: Image, known: SourceFrame[MiniAppearance]) -> SourceFrame[MiniAppearance]:
        look, _ = self._seen(image, geometry_of(image, known.landmarks, self._template))
        return dataclasses.replace(known, image=image, appearance=look)

    def forget(self) -> None:
        self._last = None

    def _found(self, image: Image, where: str) -> Floats:
        try:
            self._last = self._follow(image, self._last)
        except NoFaceError as error:
            raise NoFaceError(f"{where}{error}") from error
        return self._last

    def _seen(
        self, image: Image, head: HeadGeometry, freedom: float = 1.0
    ) -> tuple[FrameAppearance, tuple[str, ...]]:
        """An appearance, and what will not look good; without foreground if the first one missed the head."""
        notes = soft(head)
        if self._trusted is None:
            self._trusted = self._person is None or head_share(image, head, self._person) >= MIN_HEAD_SHARE
        if self._trusted:
            return FrameAppearance(image, head, self._person, freedom), notes
        return FrameAppearance(image, head, None, HELD_BACK), (*notes, UNKNOWN_OUTLINE)


def refuse_unusable(head: HeadGeometry) -> None:
    """Raises NoFaceError for a portrait that cannot be made to speak."""
    if abs(head.yaw) > MAX_YAW:
        raise NoFaceError(
            f"the head is turned by {abs(head.yaw):.0f} degrees, at most {MAX_YAW:.0f} can be made "
            "to speak; choose a picture that shows both corners of the mouth"
        )
    if head.gap > MAX_GAP:
        raise NoFaceError(
            f"the mouth is open by {head.gap:.0f} mm, at most {MAX_GAP:.0f} can be made to speak: "
            "tongue and palate would stay in sight when it shuts; choose a picture with the lips shut, "
            "or less than a finger apart"
        )


def remarks(head: HeadGeometry, cut_off: bool) -> tuple[str, ...]:
    """Notes on a portrait that does not show all that is needed."""
    notes: tuple[str, ...] = ()
    if abs(head.yaw) > SOFT_YAW:
        notes += (
            f"the head is turned by {abs(head.yaw):.0f} degrees; above {SOFT_YAW:.0f} its motion is kept "
            "small and its far side is soft",
        )
    if head.gap > WIDE_GAP:
        notes += (
            f"the mouth is wide open ({head.gap:.0f} mm); "
            "what lies between the lips stays visible when they close",
        )
    if cut_off:
        notes += (
            "a part of the face lies beyond the edge of the picture, so the head turns less, and what "
            "comes into sight there is made up; choose a picture that shows the whole face",
        )
    return notes


def soft(head: HeadGeometry) -> tuple[str, ...]:
    """A note on a face that is too small to look sharp."""
    height = float(np.ptp(head.points[list(OVAL), 1]))
    if height >= SOFT_FACE:
        return ()
    return (f"the face is {height:.0f} pixels high; below {SOFT_FACE} the result is soft",)


def outside(image: Image, points: Floats) -> float:
    """The share of (n, 3) points that lie outside a picture."""
    height, width = image.shape[:2]
    inside = (points[:, :2] >= 0) & (points[:, :2] < (width, height))
    return float(1 - inside.all(axis=1).mean())


def head_share(image: Image, head: HeadGeometry, person: Person) -> float:
    """Share of what lies close around the upper face, where a head goes on, that is foreground."""
    left, top, right, bottom = head.box
    oval = head.points[list(OVAL), :2]
    middle = oval.mean(0)
    height = (oval - head.points[152, :2]) @ -head.turn[:2, 1]
    around = middle + (oval - middle)[height > height.max() / 3] * ROUND_HEAD - (left, top)
    x, y = np.rint(around).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < right - left) & (y < bottom - top)
    if not inside.any():
        return 1.0
    seen = person(np.ascontiguousarray(image[top:bottom, left:right]))
    return float((seen[y[inside], x[inside]] > 0.5).mean())
