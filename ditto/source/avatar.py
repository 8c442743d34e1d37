"""The portrait or video that a voice is put to, measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import numpy as np

from ditto.arrays import Floats, Image
from ditto.motion.vector import SourceMotion
from ditto.picture.cutout.cutout import Cutout

Look = TypeVar("Look", covariant=True)  # what a pack makes of a source
Made = TypeVar("Made")  # the same, where it is also handed in


@dataclass(frozen=True, slots=True, eq=False)
class SourceFrame(Generic[Look]):
    """One analysed picture of the avatar."""

    index: int
    image: Image  # (H, W, 3) RGB, the whole picture at the size it is rendered
    motion: SourceMotion  # angles as logits
    appearance: Look | None  # the pack's own, such as a feature volume; None until made, or without a face
    landmarks: Floats  # (n, 2) in pixels of `image`, or (n, 3) with depth, in the pack's own layout
    eye_open: Floats = field(default_factory=lambda: np.ones(2, np.float32))  # (2,) opening of each lid
    eye_ball: Floats = field(default_factory=lambda: np.zeros(6, np.float32))  # (6,) gaze
    to_frame: Floats = field(default_factory=lambda: np.eye(3, dtype=np.float32))  # (3, 3) from the face crop
    warnings: tuple[str, ...] = field(default=())
    seen: bool = True  # whether a face is there; without one the picture stays as it is
    cutout: Cutout | None = None  # of the person; only where the background is replaced
    neutral: Floats | None = None  # (1, 63) expression driven lips start from; None is this frame's own

    def __str__(self) -> str:
        return f"frame {self.index}"

    @property
    def look(self) -> Look:
        """The appearance, where a face is seen and made ready to be painted."""
        assert self.appearance is not None
        return self.appearance

    @property
    def person(self) -> Cutout:
        """The person cut out, where the background is replaced."""
        assert self.cutout is not None
        return self.cutout


class Analyser(Protocol[Made]):
    """Finds and measures the face in the frames of one source, in order."""

    def analyse(self, image: Image, index: int) -> SourceFrame[Made]:
        """A portrait. Raises NoFaceError with the reason where no usable face is found."""

    def track(self, image: Image, index: int) -> tuple[Floats, bool]:
        """Landmarks in a video's next frame, and whether they were followed there from the last one.

        Raises NoFaceError where no face is found; the next frame may have one again.
        """

    def measure(self, image: Image, index: int, landmarks: Floats) -> SourceFrame[Made]:
        """A video's frame whose landmarks are known."""

    def revisit(self, image: Image, known: SourceFrame[Made]) -> SourceFrame[Made]:
        """A frame measured before, made ready to paint again: its appearance anew, no tracking."""

    def forget(self) -> None:
        """Forgets the face: another scene comes next."""


class RegisteredAvatar(Protocol[Made]):
    """A source that an engine has registered; may be played by many sessions at once."""

    is_image: bool
    first: SourceFrame[Made]
    length: int | None  # frames after which it has ended; None goes on for ever

    def play(self) -> Iterator[SourceFrame[Made]]:
        """Source frames in the order they are shown, tagged 0, 1, 2, … by that order."""

    def close(self) -> None: ...


class Avatar(Protocol[Look]):
    """The source as the stitch stage asks for it."""

    is_image: bool

    def frame(self, index: int) -> SourceFrame[Look]:
        """The source frame shown at output frame `index`; indices never fall but to 0."""


AnySourceFrame = SourceFrame[object]
AnyAvatar = RegisteredAvatar[object]
