"""What is known of the portrait or video a voice is put to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ditto.arrays import Floats, Image


@dataclass(frozen=True, slots=True, eq=False)
class SourceFrame:
    """One analysed picture of the avatar."""

    index: int
    image: Image  # (H, W, 3) RGB, the whole picture at the size it is rendered
    motion: Mapping[str, Floats]  # scale (1, 1), pitch yaw roll (1, 66), t (1, 3), exp (1, 63), kp (1, 63)
    eye_open: Floats  # (2,)
    eye_ball: Floats  # (6,)
    to_frame: Floats  # (3, 3) from the 512 face crop to `image`
    appearance: Any  # the pack's own: a feature volume, or mesh, layers and sprites
    landmarks: Floats  # (n, 2) in pixels of `image`, or (n, 3) with depth, in the pack's own layout
    warnings: tuple[str, ...] = field(default=())
    seen: bool = True  # whether a face is there; without one the picture stays as it is
    mask: Image | None = None  # (H, W) 255 where the person is; only where the background is replaced
    behind: Image | None = None  # (h, w, 3) small, the picture without the person; likewise
    neutral: Floats | None = None  # (1, 63) expression driven lips start from; None is this frame's own

    def __str__(self) -> str:
        return f"frame {self.index}"


class Avatar(Protocol):
    """The source as the stitch stage asks for it."""

    is_image: bool

    def frame(self, index: int) -> SourceFrame:
        """The source frame shown at output frame `index`; indices never fall but to 0."""
