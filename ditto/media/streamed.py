"""Writes a video into a pipe while it is made, in a format that can be played before it is complete."""

from __future__ import annotations

from pathlib import Path

import av

from cfg.errors import ConfigError, MediaError
from cfg.settings import OutputSettings
from ditto.arrays import Image
from ditto.media.files import first_line
from ditto.media.sound import Track
from ditto.media.video_file import VideoFile, Writable
from ditto.media.video_formats import CODECS, checked_suffix

FRAGMENTED = {  # into pieces of a second, which a player gets one by one
    "movflags": "+frag_keyframe+empty_moov+default_base_moof",
    "frag_duration": "1000000",
}
CLUSTERED = {"fflags": "+bitexact", "cluster_time_limit": "1000"}
CONTAINERS: dict[str, tuple[str, dict[str, str]]] = {  # by suffix: FFmpeg's name and options
    ".mp4": ("mp4", FRAGMENTED),
    ".mov": ("mov", FRAGMENTED),
    ".mkv": ("matroska", CLUSTERED),
    ".webm": ("webm", CLUSTERED),
}


class StreamedVideo:
    """A sink that keeps nothing: what is written is gone, and an abort ends the stream where it is."""

    def __init__(
        self, stream: Writable, size: tuple[int, int], track: Track | None, settings: OutputSettings
    ) -> None:
        suffix = check_streamable(settings)
        self._video = VideoFile(
            Path(f"stream{suffix}"), size, track, settings, into=(Bytes(stream), *CONTAINERS[suffix])
        )

    def write(self, image: Image, index: int) -> None:
        try:
            self._video.write(image, index)
        except (OSError, av.FFmpegError) as error:
            raise MediaError(f"the video's stream cannot be written: {first_line(error)}") from error

    def close(self) -> None:
        try:
            self._video.close()
        except (OSError, av.FFmpegError) as error:
            raise MediaError(f"the video's stream cannot be finished: {first_line(error)}") from error

    def abort(self) -> None:
        self._video.abandon()


class Bytes:
    """A stream that FFmpeg cannot ask to go back, as it may not even where it could."""

    def __init__(self, stream: Writable) -> None:
        self._stream = stream

    def write(self, data: bytes) -> int:
        self._stream.write(data)
        return len(data)


def check_streamable(settings: OutputSettings) -> str:
    """The suffix of the kind that is streamed; raises ConfigError where it needs a whole file."""
    suffix = f".{settings.format or 'mp4'}"
    if suffix not in CODECS:
        known = ", ".join(kind.removeprefix(".") for kind in CODECS)
        raise ConfigError(f"a stream is of one of the kinds {known}, not {settings.format}; name a file")
    if settings.resume:
        raise ConfigError("output.resume (--resume) goes on with a file, but the video goes into a stream")
    return checked_suffix(Path(f"stream{suffix}"), settings)
