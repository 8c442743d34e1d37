"""The live example, as somebody runs it and watches it in a browser."""

import importlib.util
import re
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

from ditto.media.video import VideoSource

EXAMPLE = Path(__file__).parents[2] / "examples" / "live.py"


@pytest.fixture
def live(monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec = importlib.util.spec_from_file_location("live_example", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def second(tmp_path):
    samples, rate = soundfile.read(EXAMPLE.with_name("speech.flac"), frames=48_000)
    soundfile.write(tmp_path / "voice.wav", samples[:rate], rate)
    return tmp_path / "voice.wav"


def watched(port, count):
    """So many pictures of the stream, read as a browser does."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert answer.getheader("Content-Type").startswith("multipart/x-mixed-replace; boundary=")
    pictures = []
    for _ in range(count):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += answer.readline()
        size = int(re.search(rb"Content-Length: (\d+)", head).group(1))
        pictures.append(cv2.imdecode(np.frombuffer(answer.read(size), np.uint8), cv2.IMREAD_COLOR))
        assert answer.readline() == b"\r\n"
    connection.close()
    return pictures


def test_the_example_shows_the_stream_writes_it_and_tells_the_delays(second, tmp_path):
    target = tmp_path / "live.mp4"
    options = ["--sound", second, "--output", target, "--max-size", "256", "--serve", "0"]
    program = subprocess.Popen(
        [sys.executable, EXAMPLE, *map(str, options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        port = int(re.search(r":(\d+)/", program.stdout.readline()).group(1))
        pictures = watched(port, 3)
        said, errors = program.communicate(timeout=60)
    finally:
        program.kill()
    assert [picture.shape for picture in pictures] == [(256, 256, 3)] * 3
    assert (program.returncode, errors) == (0, "")
    assert re.search(r"25 frames; the first \d+ ms behind its sound, half within \d+ ms, 95 of 100", said)
    with VideoSource(target) as video:
        assert (video.count, video.has_sound) == (25, True)


def test_a_viewer_sees_the_latest_picture_and_the_end(live):
    show = live.Show()
    show.put(np.zeros((16, 16, 3), np.uint8))
    show.put(np.full((16, 16, 3), 255, np.uint8))
    show.end()
    pictures = list(show.pictures())
    assert len(pictures) == 1
    assert cv2.imdecode(np.frombuffer(pictures[0], np.uint8), cv2.IMREAD_COLOR).mean() > 250
