"""A video with its sound, encoded while the pictures come."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import cv2
import numpy as np

from cfg.settings import OutputSettings
from ditto.arrays import Floats, Image
from ditto.media.colour import tag, to_transparent_video, to_video
from ditto.media.files import address
from ditto.media.sound import Track, resampled
from ditto.media.video_formats import CODECS, SOUND_RATES, TRANSPARENT, USUAL_RATE

# Looking ahead finds the still background and spends the bits on the face: the quality of 'veryfast' in
# half of its time, for a fourth more bytes (docs/log/mini_speed.md).
PORTRAIT = {
    "preset": "superfast",
    "x264-params": "mbtree=1:rc-lookahead=10:bframes=1",
}
SOUND_BITRATE = 128_000  # bits a second for a channel pair


class Writable(Protocol):
    """Takes the bytes of a video, in order."""

    def write(self, data: bytes, /) -> object: ...


class VideoFile:
    """A video with its sound, both encoded as the pictures come, in memory that does not grow."""

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        track: Track | None,
        settings: OutputSettings,
        *,
        into: tuple[Writable, str, dict[str, str]] | None = None,
    ) -> None:
        """`into` is a stream, its container's name and options, in place of the file: then the path only
        says the kind."""
        picture_codec, sound_codec, options = CODECS[path.suffix.lower()]
        self._alpha = TRANSPARENT[path.suffix.lower()] if settings.transparent else None
        self._beat = Fraction(1, settings.fps)
        target, container, options = into or (address(path), None, options)
        self._container = av.open(target, "w", format=container, options=options)
        try:
            self._video = self._add_picture(picture_codec, size, settings)
            self._sound = SoundEncoder(self._container, sound_codec, track) if track is not None else None
        except BaseException:
            self.abandon()
            raise
        self._frames = 0

    def _add_picture(self, codec: str, size: tuple[int, int], settings: OutputSettings) -> av.VideoStream:
        codec, pixels, special = self._alpha or (codec, "yuv420p", {})
        stream = self._container.add_stream(codec, rate=settings.fps)
        assert isinstance(stream, av.VideoStream)
        height, width = size
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = pixels
        stream.time_base = Fraction(1, settings.fps)
        stream.codec_context.thread_type = "AUTO"
        options = {"deadline": "realtime", "cpu-used": "6"}
        if codec == "libx264":
            stream.codec_context.thread_count = encoder_threads()
            options = PORTRAIT if settings.preset == "portrait" else {"preset": settings.preset}
        if settings.bitrate is not None:
            stream.bit_rate = settings.bitrate
        elif codec == "libx264":
            options = options | {"crf": str(settings.crf)}
        else:
            options |= {"crf": str(settings.crf), "b:v": "0"}
        if codec == "prores_ks":
            options = {}
        stream.codec_context.options = options | special
        tag(stream.codec_context)
        return stream

    def write(self, image: Image, index: int) -> None:
        picture = even(image)
        frame = to_transparent_video(picture, self._alpha[1]) if self._alpha else to_video(picture)
        frame.pts = index
        frame.time_base = self._beat
        self._container.mux(self._video.encode(frame))
        self._frames = index + 1
        if self._sound is not None:
            self._sound.fill(self._frames * self._beat)

    def close(self) -> None:
        self._container.mux(self._video.encode(None))
        if self._sound is not None:
            self._sound.finish(self._frames * self._beat)
        self._container.close()

    def abandon(self) -> None:
        """Closes the file, whatever it holds."""
        try:
            self._container.close()
        except (OSError, av.FFmpegError, ValueError):
            return


class SoundEncoder:
    """The sound beside the pictures: never longer than they are, padded with silence where shorter."""

    def __init__(self, container: av.container.OutputContainer, codec: str, track: Track) -> None:
        rate, self._channels, blocks = track.open()
        self._rate = rate if rate in SOUND_RATES[codec] else USUAL_RATE
        self._tick = Fraction(1, self._rate)
        self._layout = "mono" if self._channels == 1 else "stereo"
        self._container = container
        stream = container.add_stream(codec, rate=self._rate, layout=self._layout)
        assert isinstance(stream, av.AudioStream)
        self._stream = stream
        self._stream.bit_rate = SOUND_BITRATE * self._channels // 2
        if codec == "aac":  # nearer to the sound than the usual search, at half of its work
            self._stream.codec_context.options = {"aac_coder": "fast"}
        self._blocks = resampled(blocks, rate, self._channels, self._rate)
        self._waiting: list[Floats] = []
        self._ready = 0  # samples waiting
        self._written = 0
        self._ended = False

    def fill(self, until: Fraction) -> None:
        """Encodes all whole codec frames up to a time in seconds."""
        size = self._stream.codec_context.frame_size or 1024
        end = until.numerator * self._rate // until.denominator
        while self._written + size <= end:
            self._encode(self._take(size))

    def finish(self, until: Fraction) -> None:
        self.fill(until)
        rest = round(until * self._rate) - self._written
        if rest > 0:
            self._encode(self._take(rest))
        self._container.mux(self._stream.encode(None))

    def _take(self, count: int) -> Floats:
        """(count, channels) of the sound, silence after its end."""
        while self._ready < count and not self._ended:
            block = next(self._blocks, None)
            if block is None:
                self._ended = True
            else:
                self._waiting.append(block)
                self._ready += len(block)
        missing = count - self._ready
        if missing > 0:
            self._waiting.append(np.zeros((missing, self._channels), np.float32))
            self._ready += missing
        enough = len(self._waiting[0]) >= count
        joined = self._waiting[0] if enough else np.concatenate(self._waiting)
        self._waiting = [joined[count:], *self._waiting[1:]] if enough else [joined[count:]]
        self._ready -= count
        return joined[:count]

    def _encode(self, block: Floats) -> None:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block.T), format="fltp", layout=self._layout)
        frame.sample_rate = self._rate
        frame.pts = self._written
        frame.time_base = self._tick
        self._written += len(block)
        self._container.mux(self._stream.encode(frame))


def encoder_threads() -> int:
    """Half of the cores: the other stages need the rest, and each thread holds pictures of its own."""
    return max(1, min(4, (os.cpu_count() or 1) // 2))


def even(image: Image) -> Image:
    """The picture, its last row and column repeated where a side is odd."""
    height, width = image.shape[:2]
    if not (height % 2 or width % 2):
        return image
    grown = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return np.asarray(grown, np.uint8)
