"""The first picture of a portrait or a video."""

from __future__ import annotations

from pathlib import Path

from ditto.arrays import Image
from ditto.media.picture import is_picture, read_picture
from ditto.media.video import VideoSource


def first_picture(path: str | Path, max_size: int) -> Image:
    """(H, W, 3) RGB, upright, its longest side at most `max_size` pixels."""
    if is_picture(path):
        return read_picture(path, max_size)
    with VideoSource(path, max_size) as video:
        return video.frame(0)
