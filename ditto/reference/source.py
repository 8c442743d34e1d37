"""Measuring a source video as the reference does."""

from __future__ import annotations

from pathlib import Path

from cfg.settings import Settings
from ditto.media.video import VideoSource
from ditto.source.avatar import Made
from ditto.source.registered import MovingAvatar
from ditto.stages.avatar_registrar import Registrar, frame_limit


def video_avatar(pack: Registrar[Made], path: Path, settings: Settings) -> MovingAvatar[Made]:
    """Every frame of the file once, whatever its rate; a frame without a face ends it."""
    source = settings.source
    return MovingAvatar(
        lambda: VideoSource(path, max_size=source.max_size),
        lambda: pack.analyser(settings),
        source.smoothing,
        frame_limit(settings),
        no_face="fail",
    )
