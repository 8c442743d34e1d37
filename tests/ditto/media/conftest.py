"""Small media files to read and write, and what another reader makes of them."""

from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import soundfile

EXAMPLES = Path(__file__).parents[3] / "examples"


@dataclass
class Decoded:
    """All of a video as FFmpeg sees it, with the times a player would use."""

    pictures: np.ndarray  # (frames, H, W, 3) RGB
    times: list[float]  # seconds, of each picture
    sound: np.ndarray  # (n,) mono
    moments: np.ndarray  # (n,) seconds, of each sample
    seconds_of_sound: float  # as the container says, without codec padding
    rate: int
    channels: int


@pytest.fixture
def decoded():
    """decoded(path): pictures, sound and times of a video."""

    def read(path):
        with av.open(str(path)) as container:
            frames = list(container.decode(container.streams.video[0]))
        pictures = np.stack([f.to_ndarray(format="rgb24") for f in frames])
        times = [float(f.pts * f.time_base) for f in frames]
        nothing = np.zeros(0)
        with av.open(str(path)) as container:
            if not container.streams.audio:
                return Decoded(pictures, times, nothing, nothing, 0.0, 0, 0)
            stream = container.streams.audio[0]
            parts, moments = [], []
            for frame in container.decode(stream):
                block = frame.to_ndarray().reshape(len(frame.layout.channels), -1)
                parts.append(block.mean(axis=0))
                first = float(frame.pts * frame.time_base)
                moments.append(first + np.arange(block.shape[1]) / frame.sample_rate)
            seconds = float((stream.duration or 0) * stream.time_base)
            channels = len(stream.layout.channels)
            return Decoded(
                pictures,
                times,
                np.concatenate(parts),
                np.concatenate(moments),
                seconds,
                stream.rate,
                channels,
            )

    return read


@pytest.fixture
def wav(tmp_path):
    """wav(samples, rate, name, subtype): a sound file; (n,) or (n, channels)."""

    def write(samples, rate, name="voice.wav", subtype="FLOAT"):
        path = tmp_path / name
        soundfile.write(path, samples, rate, subtype=subtype)
        return path

    return write


@pytest.fixture(scope="session")
def photo():
    """(256, 256, 3) RGB of a face."""
    image = cv2.cvtColor(cv2.imread(str(EXAMPLES / "grace_hopper.jpg")), cv2.COLOR_BGR2RGB)
    return cv2.resize(image, (256, 256), interpolation=cv2.INTER_AREA)


@pytest.fixture
def murmur():
    """murmur(seconds, rate): something between a hum and speech, (n,) in -0.5..0.5."""

    def make(seconds, rate=16000):
        t = np.arange(round(seconds * rate)) / rate
        swell = (1 + np.sin(2 * np.pi * 3 * t)) / 2
        return (swell * (0.3 * np.sin(2 * np.pi * 180 * t) + 0.2 * np.sin(2 * np.pi * 540 * t))).astype("f4")

    return make
