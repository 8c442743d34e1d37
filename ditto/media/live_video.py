"""A live face as a video while it lasts: a file that a kill does not spoil, or a broadcast by RTMP."""

from __future__ import annotations

from fractions import Fraction
from io import FileIO

import av
import numpy as np

from cfg.errors import ConfigError, MediaError
from ditto.arrays import Floats, Image
from ditto.media.broadcast import Broadcast
from ditto.media.colour import tag, to_video
from ditto.media.files import first_line
from ditto.media.streamed import FRAGMENTED, Bytes
from ditto.rates import FRAME_RATE

BROADCASTS = ("rtmp://", "rtmps://")
KEYFRAME_SECONDS = 2  # between pictures that can be begun with
LIVE_PICTURES: dict[str, object] = {"preset": "veryfast", "tune": "zerolatency", "crf": "21"}
LIVE_SOUND_BITRATE = 96_000  # bits a second
PRIMING = 1024  # samples that AAC puts before the first: times begin so much later, and none is negative
FAILED = (OSError, av.FFmpegError)


class PlainFile:
    """Takes the bytes of a file. FFmpeg's own way into one keeps silent where the last of them do not fit."""

    def __init__(self, path: str) -> None:
        self._file = FileIO(path, "w")

    def write(self, data: bytes) -> int:
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]
        return len(data)

    def close(self) -> None:
        self._file.close()

    kill = close


class LiveVideo:
    """H.264 and AAC, written as frames come; what was written stays readable whatever happens next."""

    def __init__(self, target: str, size: tuple[int, int], rate: int) -> None:
        """`target` is an .mp4 file, or an address that begins with rtmp:// or rtmps://."""
        self._target = target
        height, width = self._size = (size[0] // 2 * 2, size[1] // 2 * 2)
        self._rate = rate
        broadcast = target.lower().startswith(BROADCASTS)
        if not broadcast and not target.lower().endswith(".mp4"):
            raise ConfigError(
                f"{target}: a live video is an .mp4 file, or an address with rtmp:// or rtmps://"
            )
        try:
            self._sink = Broadcast(target) if broadcast else PlainFile(target)
        except OSError as error:
            raise self._broken(error) from error
        try:
            self._container = av.open(
                Bytes(self._sink),
                "w",
                format="flv" if broadcast else "mp4",
                options={"flush_packets": "1"} | ({} if broadcast else FRAGMENTED),
            )
            self._video = self._container.add_stream("libx264", rate=FRAME_RATE)
            self._video.width, self._video.height = width, height
            self._video.options = LIVE_PICTURES | {"g": str(KEYFRAME_SECONDS * FRAME_RATE)}
            tag(self._video.codec_context)
            self._sound = self._container.add_stream("aac", rate=rate, layout="mono")
            self._sound.bit_rate = LIVE_SOUND_BITRATE
            self._beat = self._video.codec_context.time_base = Fraction(1, rate)
            self._container.start_encoding()
        except BaseException as error:
            self._sink.kill()
            raise self._broken(error) if isinstance(error, FAILED) else error from None

    def write(self, index: int, image: Image | None, sound: Floats) -> None:
        """Frame `index` of the video: 40 ms of sound, and a picture where there is a new one."""
        try:
            if image is not None:
                height, width = self._size
                picture = to_video(np.ascontiguousarray(image[:height, :width]))
                picture.pts, picture.time_base = PRIMING + index * len(sound), self._beat
                self._container.mux(self._video.encode(picture))
            heard = av.AudioFrame.from_ndarray(sound[None], format="flt", layout="mono")
            heard.sample_rate = self._rate
            heard.pts, heard.time_base = PRIMING + index * len(sound), self._beat
            self._container.mux(self._sound.encode(heard))
        except FAILED as error:
            raise self._broken(error) from error

    def close(self) -> None:
        """Writes what the encoders still hold."""
        try:
            self._container.mux(self._video.encode(None))
            self._container.mux(self._sound.encode(None))
            self._container.close()
            self._sink.close()
        except BaseException as error:
            self._sink.kill()
            raise self._broken(error) if isinstance(error, FAILED) else error from None

    def _broken(self, error: Exception) -> MediaError:
        return MediaError(f"{self._target}: the live video cannot be written: {first_line(error)}")
