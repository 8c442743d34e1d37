"""Checks that the files named by settings are there, before anything is loaded."""

from __future__ import annotations

from cfg.settings import Settings
from ditto.media.files import existing
from ditto.picture.background import plate_of
from ditto.picture.cutout.alpha_network import matting_file
from ditto.picture.enhancers.registry import check_enhancers


def check_named(settings: Settings) -> None:
    """Raises ConfigError or MediaError where a background, a network or a video that is asked for is not
    there."""
    if settings.output.background:
        plate_of(settings.output.background)
    check_enhancers(settings.enhance)
    if settings.pack.matting:
        matting_file(settings.pack.matting)
    for video in (settings.style.ref_pose, settings.style.ref_blink):
        if video:
            existing(video, "video")
