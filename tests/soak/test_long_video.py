"""Ten minutes of a large video and ten of sound: memory, the wait for the first frame, speed."""

import contextlib
import json
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import psutil
import pytest
import soundfile

from ditto.media.sound import read_sound
from ditto.media.video import VideoSource

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


RENDER = """
import json, sys, time
import numpy as np
from ditto.media.sound import sound_of
from stream_pipeline.engine import Engine

small, video, voice, folder = sys.argv[1:]
with Engine.load("mini") as engine:
    compiled = engine.register(small)  # once on a machine, not once a run
    engine.render(compiled, sound_of(np.zeros(3_200, np.float32)), folder + "/compiled.mp4")
    began, used = time.perf_counter(), time.process_time()
    first = []
    avatar = engine.register(video)
    report = engine.render(
        avatar,
        voice,
        folder + "/out.mp4",
        progress=lambda done, total: first or first.append(time.process_time() - used),
    )
    took, worked = time.perf_counter() - began, time.process_time() - used
print(json.dumps({"frames": report.frames, "first": first[0], "took": took, "worked": worked}))
"""


def most_memory(process):
    """Bytes the process held at the most until it ended."""
    most, watched = 0, psutil.Process(process.pid)
    while process.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            most = max(most, watched.memory_info().rss)
        time.sleep(0.5)
    return most


def test_ten_minutes_of_1080p_in_bounded_memory(long_video, long_voice, tmp_path):
    command = [
        sys.executable,
        "-c",
        RENDER,
        EXAMPLES / "astronaut_video.mp4",
        long_video,
        long_voice,
        tmp_path,
    ]
    with subprocess.Popen(command, cwd=EXAMPLES.parent, stdout=subprocess.PIPE, text=True) as process:
        most = most_memory(process)
        told = json.loads(process.stdout.read())
    seconds = told["frames"] / 25
    print(
        f"\nfirst frame after {told['first']:.1f} CPU seconds; {seconds / told['took']:.2f} x real time, "
        f"{told['worked'] / seconds:.2f} CPU seconds for each; at most {most / 1e6:.0f} MB"
    )
    assert told["frames"] == MINUTES * 60 * 25
    assert most < MOST
    assert told["first"] < SOONEST
