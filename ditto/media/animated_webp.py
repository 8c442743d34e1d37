"""Converts an animated WebP, which FFmpeg cannot read, to a video that it can."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path
from typing import IO

import av
import numpy as np
from PIL import Image as Pillow

from cfg.errors import MediaError
from ditto.media.files import first_line
from ditto.media.picture import MAX_MOVING_PIXELS, READ_ERRORS, in_rgb, open_picture

BEAT = Fraction(1, 1000)  # seconds; WebP counts in milliseconds
MIN_FRAME_MS = 10  # milliseconds a frame is shown, also where the file says less
MAX_ANIMATION_PIXELS = 4_000_000_000  # of all frames together


def as_video(path: Path) -> IO[bytes]:
    """A temporary file, removed when it is closed, with the same pictures at the same times, without loss."""
    with open_picture(path) as animation:
        width, height = animation.size
        file = tempfile.NamedTemporaryFile(suffix=".nut")  # noqa: SIM115 - whoever asked for it closes it
        try:
            frames = getattr(animation, "n_frames", 1)
            if width * height > MAX_MOVING_PIXELS or width * height * frames > MAX_ANIMATION_PIXELS:
                raise MediaError(
                    f"{path}: {frames} frames of {width} x {height} are too many; export it as MP4"
                )
            write(animation, frames, file.name)
        except BaseException as error:
            file.close()
            if isinstance(error, (*READ_ERRORS, av.FFmpegError)):
                raise MediaError(
                    f"{path}: the animation is damaged or its copy cannot be written ({first_line(error)})"
                ) from error
            raise
        return file


def write(animation: Pillow.Image, frames: int, target: str) -> None:
    with av.open(target, "w") as container:
        stream = container.add_stream("utvideo", rate=25)  # FFV1 asks for 148 bytes a pixel
        stream.width, stream.height = animation.size
        stream.pix_fmt = "gbrp"
        stream.time_base = stream.codec_context.time_base = BEAT
        at = 0
        for number in range(frames):
            animation.seek(number)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(in_rgb(animation)), format="rgb24")
            frame.pts, frame.time_base = at, BEAT
            container.mux(stream.encode(frame))
            at += max(MIN_FRAME_MS, round(animation.info.get("duration", 0)))
        container.mux(stream.encode(None))
