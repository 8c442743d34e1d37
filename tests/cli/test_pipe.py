"""`-o -`: the video itself on standard output, playable while it is made, and nothing beside it."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import av
import pytest

from ditto import Engine
from stream_pipeline.commands import main as ditto

INFERENCE = Path(__file__).parents[2] / "inference.py"
RENDER = [sys.executable, INFERENCE, "-i", "portrait.jpg", "-a", "speech.wav", "--max-size", "128", "-o", "-"]


class Read:
    """Bytes that can only be read on, as from a pipe."""

    def __init__(self, data):
        self.read = io.BytesIO(data).read


def content(data):
    """The container's name, and how many pictures and samples are in it."""
    with av.open(Read(data)) as container:
        pictures = samples = 0
        for frame in container.decode(video=0, audio=0):
            if isinstance(frame, av.VideoFrame):
                pictures += 1
            else:
                samples += frame.samples
        return container.format.name, pictures, samples


@pytest.mark.parametrize(
    ("kind", "container"), [(None, "mp4"), ("mov", "mov"), ("mkv", "matroska"), ("webm", "webm")]
)
def test_standard_output_is_the_video_and_nothing_else(folder, wav, kind, container):
    wav(folder / "speech.wav", seconds=2)
    said = [] if kind is None else ["--format", kind]
    done = subprocess.run([*RENDER, *said, "--profile"], capture_output=True, timeout=60, check=True)
    name, pictures, samples = content(done.stdout)
    assert container in name
    assert pictures == 50
    assert samples == pytest.approx(2 * 48_000, abs=4096)
    assert b"50 frames" in done.stderr and b"audio2motion" in done.stderr
    assert {path.name for path in folder.iterdir()} == {"portrait.jpg", "speech.wav"}


def test_it_can_be_seen_while_it_is_made(folder, wav):
    wav(folder / "speech.wav", seconds=5)
    stream, seen = io.BytesIO(), []

    def progress(done, total):
        seen.append(stream.getvalue().count(b"moof"))

    with Engine.load("mini", source={"max_size": 128}) as engine:
        report = engine.render(engine.register("portrait.jpg"), "speech.wav", stream, progress=progress)
    assert report.frames == len(seen) == 125
    assert seen[74] >= 1
    assert content(stream.getvalue())[1] == 125


def test_a_reader_who_leaves_ends_the_render_in_silence(folder, wav):
    wav(folder / "speech.wav", seconds=60)
    process = subprocess.Popen([*RENDER, "--quiet"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert len(process.stdout.read(1000)) == 1000
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1
    finally:
        process.kill()
        process.stderr.close()


def test_a_terminal_is_not_sent_a_video(folder):
    ours, theirs = pty.openpty()
    done = subprocess.run(RENDER, stdout=theirs, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 1
    assert done.stderr.startswith(b"-o - is the video itself, not for a terminal; ")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--format", "gif"], ["mp4, mov, mkv, webm, not gif"]),
        (["--format", "png-sequence"], ["not png-sequence"]),
        (["--resume"], ["--resume"]),
        (["--background", "transparent"], ["cannot be transparent"]),
        (["--result_dir", "x"], ["-o and --result_dir"]),
    ],
)
def test_what_cannot_be_streamed_is_refused(refused, options, words):
    refused(words, *options, o="-")


def test_a_batch_needs_a_folder(run, folder):
    code, _, errors = run("batch", "-i", "portrait.jpg", "-a", "speech.wav", "-o", "-", main=ditto)
    assert (code, errors) == (1, ["-o - is for one video; a batch needs a folder"])
