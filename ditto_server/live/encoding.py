"""Encoders of live pictures and sound, each used once for all viewers of a session."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import av
import cv2
import numpy as np
from av.video.frame import PictureType

from cfg.errors import ConfigError
from ditto.arrays import Floats, Image
from ditto.rates import FRAME_RATE

VideoCodec = Literal["H264", "VP8"]

PICTURE_CLOCK = 90_000  # ticks a second of RTP for pictures
SOUND_CLOCK = 48_000  # and for Opus, whatever the rate of its samples
OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
PACKET_SECONDS = Fraction(1, 50)  # of sound in a packet
PACKETS_A_FRAME = 2
SOUND_BITRATE = 40_000
MAX_BITRATE, MIN_BITRATE = 2_500_000, 250_000  # of pictures
QUALITY = 21  # x264's constant rate factor, as long as the bitrate allows it
BUFFER_SECONDS = 0.4  # of bitrate that a key frame may take at once
NO_KEY_FRAMES = 9999  # between those that are asked for


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A picture or 20 ms of sound as it is sent."""

    data: bytes
    ticks: int  # of the medium's RTP clock since the face began
    key: bool  # whether it can be decoded without those before it


class PictureEncoder:
    """Encodes pictures without delay; key frames come when asked for, sharp from the first one."""

    def __init__(self, codec: VideoCodec, bitrate: int = MAX_BITRATE) -> None:
        self.codec: VideoCodec = codec
        self._bitrate = bitrate
        self._context: av.VideoCodecContext | None = None
        self._size = (0, 0)
        self._wants_key = True

    @property
    def bitrate(self) -> int:
        """Bits a second at most."""
        return self._bitrate

    @bitrate.setter
    def bitrate(self, bitrate: int) -> None:
        if bitrate != self._bitrate:
            self._bitrate, self._context = bitrate, None

    def request_key_frame(self) -> None:
        self._wants_key = True

    def encode(self, image: Image, index: int) -> list[Coded]:
        """The picture of frame `index`; nothing where the encoder leaves it out."""
        height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
        if self._context is None or self._size != (height, width):
            self._context, self._size = opened(self.codec, height, width, self._bitrate), (height, width)
        cut = np.ascontiguousarray(image[:height, :width])
        planes = np.asarray(cv2.cvtColor(cut, cv2.COLOR_RGB2YUV_I420), np.uint8)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = index * PICTURE_CLOCK // FRAME_RATE
        frame.time_base = Fraction(1, PICTURE_CLOCK)
        if self._wants_key:
            frame.pict_type = PictureType.I
        self._wants_key = False
        return [
            Coded(bytes(packet), index * PICTURE_CLOCK // FRAME_RATE, packet.is_keyframe)
            for packet in self._context.encode(frame)
        ]


def opened(codec: VideoCodec, height: int, width: int, bitrate: int) -> av.VideoCodecContext:
    name = {"H264": "libx264", "VP8": "libvpx"}[codec]
    context = av.CodecContext.create(name, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.framerate, context.time_base = Fraction(FRAME_RATE), Fraction(1, PICTURE_CLOCK)
    context.gop_size, context.thread_count = NO_KEY_FRAMES, 1
    limits = {"maxrate": str(bitrate), "bufsize": str(round(bitrate * BUFFER_SECONDS))}
    if codec == "H264":
        context.options = {
            **{"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "level": "31"},
            **{"crf": str(QUALITY), **limits},
        }
    else:
        context.bit_rate, context.qmin, context.qmax = bitrate, 4, 50
        context.options = {
            **{"deadline": "realtime", "cpu-used": "-8", "lag-in-frames": "0", "error-resilient": "1"},
            **{"static-thresh": "1", "undershoot-pct": "100", "overshoot-pct": "15", **limits},
        }
    return context


class SoundEncoder:
    """Encodes the sound of frames as Opus, two packets of 20 ms each."""

    def __init__(self, rate: int) -> None:
        if rate not in OPUS_RATES:
            raise ConfigError(f"a face's sound is sent at {', '.join(map(str, OPUS_RATES))} Hz, not {rate}")
        self._context = av.CodecContext.create("libopus", "w")
        assert isinstance(self._context, av.AudioCodecContext)
        self._context.sample_rate, self._context.layout = rate, "mono"
        self._context.format = av.AudioFormat("flt")
        self._context.bit_rate, self._context.time_base = SOUND_BITRATE, Fraction(1, rate)
        self._context.options = {
            "application": "voip",
            "frame_duration": "20",
            "fec": "1",
            "packet_loss": "5",
        }
        self._rate = rate
        self._encoded = 0  # samples

    def encode(self, sound: Floats, index: int) -> list[Coded]:
        """The sound of frame `index`."""
        coded = []
        for place, piece in enumerate(np.split(np.asarray(sound, np.float32), PACKETS_A_FRAME)):
            frame = av.AudioFrame.from_ndarray(piece[None], format="flt", layout="mono")
            frame.sample_rate, frame.pts = self._rate, self._encoded
            self._encoded += len(piece)
            ticks = round((index * PACKETS_A_FRAME + place) * PACKET_SECONDS * SOUND_CLOCK)
            coded += [Coded(bytes(packet), ticks, True) for packet in self._context.encode(frame)]
        return coded
