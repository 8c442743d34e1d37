"""A machine of its own for a command: an empty home, and a network on which everything sent is seen."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import soundfile

from cfg.privacy import SWITCHES

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
OWN = ("XDG_", "DITTO_", "HF_", "COV_")  # variables of whoever runs the tests
NAMESPACES = ("unshare", "--user", "--map-root-user", "--net", "--mount")


@dataclass(frozen=True)
class Seen:
    """What a command did."""

    code: int
    said: str
    sent: list[str]
    files: list[Path]  # it left behind in its home and in the folder for temporary files


def namespaces() -> bool:
    """Whether an ordinary user may have a network of his own here."""
    tools = all(shutil.which(tool) for tool in ("unshare", "ip", "mount"))
    return tools and subprocess.run([*NAMESPACES, "true"], capture_output=True).returncode == 0


@pytest.fixture(params=["a network of its own"])
def alone(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Seen]:
    """alone(*words): a Python command run alone.

    Where no namespaces are permitted, the calls of its Python code are watched instead.
    """
    guarded = request.param == "guarded calls" or not namespaces()
    home, scratch, report = tmp_path / "home", tmp_path / "scratch", tmp_path / "report"

    def run(*words: object) -> Seen:
        for folder in (home, scratch):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        report.write_text("")
        kept = {k: v for k, v in os.environ.items() if k not in SWITCHES and not k.startswith(OWN)}
        kept |= {"HOME": str(home), "TMPDIR": str(scratch), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, *map(str, words)]
        if guarded:
            kept |= {"PYTHONPATH": str(HERE / "guard"), "ASKED": str(report)}
        else:
            command = [*NAMESPACES, sys.executable, str(HERE / "alone.py"), str(report), *command]
        done = subprocess.run(command, cwd=ROOT, env=kept, capture_output=True, text=True, timeout=280)
        files = [path for folder in (home, scratch) for path in folder.rglob("*") if not path.is_dir()]
        return Seen(done.returncode, done.stdout + done.stderr, report.read_text().splitlines(), files)

    return run


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    """The first second of the bundled speech."""
    samples, rate = soundfile.read(ROOT / "examples" / "speech.flac", frames=48_000)
    soundfile.write(tmp_path / "voice.wav", samples[:rate], rate)
    return tmp_path / "voice.wav"
