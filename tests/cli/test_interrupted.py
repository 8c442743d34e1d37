"""A render that is stopped, or runs out of disk, ends at once and leaves nothing that looks whole."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

INFERENCE = Path(__file__).parents[2] / "inference.py"
PATIENCE = 60  # seconds


def full(*values):
    return pytest.param(*values, marks=pytest.mark.full)


def started(folder, *arguments, **options):
    command = [sys.executable, INFERENCE, "-i", "portrait.jpg", "-a", "speech.wav", *arguments]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def wait_until(holds):
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture
def long_render(folder, wav):
    wav(folder / "speech.wav", seconds=600)
    return folder


@pytest.mark.parametrize(
    ("output", "word"),
    [
        ("out.mp4", signal.SIGINT),
        full("out.mp4", signal.SIGTERM),
        *(
            full(output, word)
            for output in ("out.mkv", "frames/")
            for word in (signal.SIGINT, signal.SIGTERM)
        ),
    ],
)
def test_a_render_that_is_stopped_leaves_nothing(long_render, output, word):
    process = started(long_render, "-o", output)
    try:
        wait_until(lambda: any(".part" in name for name in names(long_render)))
        process.send_signal(word)
        _, errors = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert (process.returncode, errors) == (130, "stopped\n")
    assert names(long_render) == ["portrait.jpg", "speech.wav"]


def small_disk(size):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@pytest.mark.parametrize(
    ("output", "size"),
    [
        ("out.mp4", 60_000),
        *(full("out.mp4", size) for size in (0, 1000, 400_000)),
        *(full("out.mkv", size) for size in (0, 1000, 60_000, 400_000)),
        full("frames/", 1000),
    ],
)
def test_a_disk_that_is_full_is_one_line_and_leaves_nothing(folder, wav, output, size):
    wav(folder / "speech.wav", seconds=20)
    process = started(folder, "-o", output, preexec_fn=small_disk(size))
    try:
        _, errors = process.communicate(timeout=2 * PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 1, errors
    assert len(errors.splitlines()) == 1, errors
    assert output.removesuffix("/") in errors
    assert "File too large" in errors
    assert names(folder) == ["portrait.jpg", "speech.wav"]
