"""Replaces the background: by none, a colour, a picture, or the source's own out of focus."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from cfg.errors import ConfigError
from ditto.arrays import Image
from ditto.media.picture import read_picture
from ditto.picture.framing import View
from ditto.source.avatar import Made, SourceFrame
from ditto.stages.messages import Pose

NAMED_COLOURS = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "grey": (128, 128, 128),
    "gray": (128, 128, 128),
    "green": (0, 177, 64),  # what studios key out
    "blue": (0, 71, 187),
    "red": (200, 30, 40),
}
BLUR_SHARE = 0.022  # of the longer side: how far a blurred background is out of focus
MAX_PLATE_SIDE = 4096  # pixels of the longest side of a background picture


class Silhouette(Protocol[Made]):
    """Matte of a pack's person in each finished picture."""

    def prepare(self, frame: SourceFrame[Made]) -> SourceFrame[Made]:
        """A source frame with its `cutout`."""

    def __call__(self, pose: Pose[Made], image: Image) -> Image:
        """The (h, w, 3) picture with a mask as its fourth channel, its edges in the person's colours."""


def colour_of(text: str) -> tuple[int, int, int] | None:
    """RGB of a name or of #rrggbb; None where it is neither."""
    if text.lower() in NAMED_COLOURS:
        return NAMED_COLOURS[text.lower()]
    if re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        red, green, blue = (int(text[at : at + 2], 16) for at in (1, 3, 5))
        return red, green, blue
    return None


def plate_of(wanted: str) -> Image | None:
    """The colour or picture put behind; None for a background made from the source."""
    if wanted in ("transparent", "blur"):
        return None
    colour = colour_of(wanted)
    if colour is not None:
        return np.full((1, 1, 3), colour, np.uint8)
    if not Path(wanted).is_file():
        known = ", ".join(("transparent", "blur", *NAMED_COLOURS))
        raise ConfigError(
            f"output.background is '{wanted}', but must be one of {known}, a colour such as #20a040, "
            "or a picture file"
        )
    return read_picture(wanted, max_size=MAX_PLATE_SIDE)


class Backdrop:
    """Puts the person of each finished picture before the background, at the size of the video."""

    def __init__(self, silhouette: Silhouette[object], wanted: str, view: View | None) -> None:
        self._silhouette = silhouette
        self._transparent = wanted == "transparent"
        self._given = plate_of(wanted)
        self._view = view
        self._plate: Image | None = None  # at the size of the video
        self._plate_of: SourceFrame[object] | None = None  # the source frame it was made from

    def __call__(self, pose: Pose[object], image: Image) -> Image:
        cut = self._silhouette(pose, image)
        if self._view is not None:
            cut = self._view(cut)
        return cut if self._transparent else before(cut, self._behind(pose.source, image, cut.shape[:2]))

    def _behind(self, source: SourceFrame[object], image: Image, size: tuple[int, int]) -> Image:
        if self._given is not None:
            if self._plate is None or self._plate.shape[:2] != size:
                self._plate = covering(self._given, size)
        elif self._plate is None or self._plate_of is not source:
            blurred = out_of_focus(source.person.behind, image.shape[:2])
            self._plate = blurred if self._view is None else self._view(blurred)
            self._plate_of = source
        return self._plate


def before(cut: Image, plate: Image) -> Image:
    """The (h, w, 4) person laid over the plate."""
    share = cut[..., 3].astype(np.float32) / np.float32(255)
    person = np.ascontiguousarray(cut[..., :3])
    return np.asarray(cv2.blendLinear(person, plate, share, 1 - share), np.uint8)


def covering(picture: Image, size: tuple[int, int]) -> Image:
    """The picture enlarged or made smaller until it covers (height, width), cut evenly."""
    height, width = size
    share = max(height / picture.shape[0], width / picture.shape[1])
    across, down = max(width, round(picture.shape[1] * share)), max(height, round(picture.shape[0] * share))
    how = cv2.INTER_AREA if share < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(picture, (across, down), interpolation=how)
    top, left = (down - height) // 2, (across - width) // 2
    return np.ascontiguousarray(scaled[top : top + height, left : left + width], np.uint8)


def out_of_focus(small: Image, size: tuple[int, int]) -> Image:
    """A small picture blurred and brought to (height, width)."""
    blurred = cv2.GaussianBlur(small, (0, 0), max(0.5, BLUR_SHARE * max(small.shape[:2])))
    return np.asarray(cv2.resize(blurred, size[::-1], interpolation=cv2.INTER_CUBIC), np.uint8)
