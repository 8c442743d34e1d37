"""Work that is killed outright is finished by the next run, as if nothing had happened."""

import hashlib
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).parents[2]
PORTRAIT = ROOT / "examples" / "drawn_woman.jpg"
SPEECH = ROOT / "examples" / "speech.flac"

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3000)]


def speech(path, seconds, start=0.0):
    samples, rate = soundfile.read(SPEECH)
    repeated = np.tile(samples, int(np.ceil((start + seconds) * rate / len(samples))))
    soundfile.write(path, repeated[int(start * rate) : int((start + seconds) * rate)], rate)


def started(*arguments):
    command = [sys.executable, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def killed_when(process, reached, limit=600):
    """Kills the process once `reached()`; False if it ended before."""
    end = time.monotonic() + limit
    while not reached():
        assert time.monotonic() < end
        if process.poll() is not None:
            return False
        time.sleep(0.02)
    process.kill()
    process.communicate()
    return True


def digests(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("*.mp4"))}


def test_a_batch_of_twenty_killed_again_and_again(tmp_path):
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    for number in range(20):
        speech(sounds / f"{number:02d}.wav", 1.5, start=number / 3)
    arguments = ["-m", "ditto", "batch", "-i", PORTRAIT, "-a", sounds, "--max-size", 256]
    calm = started(*arguments, "-o", tmp_path / "calm")
    calm.communicate(timeout=1200)
    assert calm.returncode == 0

    target, chance = tmp_path / "killed", random.Random(1)
    finished = {}
    for wanted in (3, 8, 9, 15):
        process = started(*arguments, "-o", target)
        pause = chance.uniform(0, 0.5)

        def reached(wanted=wanted, pause=pause):
            if len(list(target.glob("[0-9]*.mp4"))) < wanted:
                return False
            time.sleep(pause)
            return True

        assert killed_when(process, reached)
        now = {p: p.stat().st_mtime_ns for p in target.glob("[0-9]*.mp4")}
        # the one being finished at the kill may be made again: it was not yet noted
        redone = [p.name for p, time_ in finished.items() if now[p] != time_]
        assert len(redone) <= 1
        finished = now
    last = started(*arguments, "-o", target)
    said, _ = last.communicate(timeout=1200)
    assert last.returncode == 0
    made, kept = map(int, re.search(r"(\d+) made, (\d+) kept", said).groups())
    assert kept >= 14
    assert made + kept == 20
    assert digests(target) == digests(tmp_path / "calm")


def test_a_render_of_ten_minutes_killed_twice(tmp_path):
    speech(tmp_path / "voice.wav", 600)
    arguments = ["inference.py", "-i", PORTRAIT, "-a", tmp_path / "voice.wav", "--max-size", 256]
    calm = started(*arguments, "-o", tmp_path / "calm.mp4")
    calm.communicate(timeout=1800)
    assert calm.returncode == 0

    pieces = tmp_path / ".out.mp4.parts"
    for wanted in (8, 31):
        process = started(*arguments, "-o", tmp_path / "out.mp4", "--resume")
        assert killed_when(process, lambda wanted=wanted: len(list(pieces.glob("[0-9]*.mp4"))) >= wanted)
        times = {p: p.stat().st_mtime_ns for p in pieces.glob("[0-9]*.mp4")}
    last = started(*arguments, "-o", tmp_path / "out.mp4", "--resume")

    def joined():
        unchanged = [p for p, time_ in times.items() if p.exists() and p.stat().st_mtime_ns == time_]
        return len(unchanged) == len(times)

    time.sleep(3)
    assert joined() or last.poll() is not None
    last.communicate(timeout=1800)
    assert last.returncode == 0
    assert digests(tmp_path)["out.mp4"] == digests(tmp_path)["calm.mp4"]
    assert not pieces.exists()
