"""A pack that comes in a package of its own, beside an engine that knows nothing of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ditto.media.video import VideoSource

ROOT = Path(__file__).parents[2]
PACK = ROOT / "examples" / "puppet_pack"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the package installed."""
    folder = tmp_path_factory.mktemp("site")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target", folder]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, PACK], check=True, timeout=120)
    return folder


@pytest.fixture
def ditto(site, tmp_path):
    """ditto(*arguments): what the command says where the package is installed."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(site)])}

    def run(*arguments):
        command = [sys.executable, "-m", "ditto", *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)

    return run


def test_it_is_written_in_150_lines_at_most():
    assert len((PACK / "puppet_pack.py").read_text().splitlines()) <= 150


def test_it_renders_the_demo_from_the_command_line(ditto, tmp_path):
    portrait, speech = ROOT / "examples" / "grace_hopper.jpg", ROOT / "examples" / "speech.flac"
    done = ditto("render", "--config", "puppet", "-i", portrait, "-a", speech, "--end", 1, "-o", "out.mp4")
    assert done.returncode == 0, done.stderr
    with VideoSource(tmp_path / "out.mp4") as video:
        frames = [video.frame(n).astype(int) for n in range(video.count)]
    assert len(frames) == 25
    height = frames[0].shape[0]
    moved = [abs(frame - frames[0]).mean(axis=(1, 2)) for frame in frames]
    assert max(rows[height // 4 :].max() for rows in moved) > 5  # the jaw,
    assert max(rows[: height // 4].max() for rows in moved) < 2  # and nothing above it


def test_doctor_knows_it_and_a_misspelt_name_suggests_it(ditto):
    assert "[ok] pack puppet" in ditto("doctor").stdout
    wrong = ditto("render", "--config", "pupet", "-i", "x.jpg", "-a", "x.wav", "-o", "x.mp4")
    assert wrong.stderr.splitlines()[-1].endswith("did you mean 'puppet'?")


def test_what_it_has_no_use_for_is_said(ditto):
    portrait, speech = ROOT / "examples" / "grace_hopper.jpg", ROOT / "examples" / "speech.flac"
    options = ("--end", 0.2, "-o", "out.mp4", "--steps", 10)
    done = ditto("render", "--config", "puppet", "-i", portrait, "-a", speech, *options)
    assert "--steps has no effect: the puppet pack has no use for it" in done.stdout + done.stderr
