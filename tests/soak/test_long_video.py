"""Ten minutes of a large video and ten of sound: memory, the wait for the first frame, speed."""

import threading
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import psutil
import pytest
import soundfile

from ditto.media.sound import read_sound, sound_of
from ditto.media.video import VideoSource
from stream_pipeline.engine import Engine

pytestmark = [pytest.mark.soak, pytest.mark.timeout(7200)]

EXAMPLES = Path(__file__).parents[2] / "examples"
MINUTES = 10
SIZE = (1920, 1080)
MOST = 1_000_000_000  # bytes resident
SOONEST = 5.0  # seconds of computing until the first frame, networks loaded


@pytest.fixture
def long_video(tmp_path):
    """Eight seconds of 1080p, their packets repeated for as long as it takes."""
    piece, path = tmp_path / "piece.mp4", tmp_path / "long.mp4"
    width, height = SIZE
    rng = np.random.default_rng(0)
    with VideoSource(EXAMPLES / "astronaut_video.mp4") as video, av.open(str(piece), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"preset": "veryfast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        room = rng.integers(90, 110, (height, width, 3), np.uint8)
        left = (width - height) // 2
        for index in range(2 * video.count):
            index = index if index < video.count else 2 * video.count - 1 - index
            room[:, left : left + height] = cv2.resize(video.frame(index), (height, height))
            out.mux(stream.encode(av.VideoFrame.from_ndarray(room, "rgb24")))
        out.mux(stream.encode(None))
    with av.open(str(piece)) as source, av.open(str(path), "w") as out:
        given = source.streams.video[0]
        stream = out.add_stream_from_template(given)
        packets = [p for p in source.demux(given) if p.size]
        length = round(Fraction(8) / given.time_base)
        kept = [(bytes(p), p.pts, p.dts, p.is_keyframe) for p in packets]
        for turn in range(MINUTES * 60 // 8):
            for data, pts, dts, key in kept:
                packet = av.Packet(data)
                packet.stream, packet.time_base = stream, given.time_base
                packet.pts, packet.dts, packet.is_keyframe = pts + turn * length, dts + turn * length, key
                out.mux(packet)
    return path


@pytest.fixture
def long_voice(tmp_path):
    path = tmp_path / "voice.wav"
    spoken = read_sound(EXAMPLES / "speech.flac").samples
    soundfile.write(path, np.resize(spoken, MINUTES * 60 * 16_000), 16_000)
    return path


class Watch(threading.Thread):
    """The most memory this process held."""

    def __init__(self):
        super().__init__(daemon=True)
        self.most = 0
        self.done = threading.Event()

    def run(self):
        while not self.done.wait(0.5):
            self.most = max(self.most, psutil.Process().memory_info().rss)


def test_ten_minutes_of_1080p_in_bounded_memory(long_video, long_voice, tmp_path):
    watch = Watch()
    with Engine.load("mini") as engine:
        compiled = engine.register(EXAMPLES / "astronaut_video.mp4")  # once on a machine, not once a run
        engine.render(compiled, sound_of(np.zeros(3_200, np.float32)), tmp_path / "compiled.mp4")
        watch.start()
        began, used = time.perf_counter(), time.process_time()
        first = []
        avatar = engine.register(long_video)
        report = engine.render(
            avatar,
            long_voice,
            tmp_path / "out.mp4",
            progress=lambda done, total: first or first.append(time.process_time() - used),
        )
        took, worked = time.perf_counter() - began, time.process_time() - used
    watch.done.set()
    seconds = report.frames / 25
    print(
        f"\nfirst frame after {first[0]:.1f} CPU seconds; {seconds / took:.2f} x real time, "
        f"{worked / seconds:.2f} CPU seconds for each; at most {watch.most / 1e6:.0f} MB"
    )
    assert report.frames == MINUTES * 60 * 25
    assert watch.most < MOST
    assert first[0] < SOONEST
