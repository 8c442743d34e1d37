"""Files to give the command line, good and bad, and what a refusal must look like."""

import struct
import time
import wave
import zlib
from pathlib import Path

import numpy as np
import psutil
import pytest

from stream_pipeline.commands import run_command
from stream_pipeline.commands.render import add_arguments, render

EXAMPLES = Path(__file__).parents[2] / "examples"
LONGEST = 20  # seconds a refusal may take
MOST = 600 << 20  # bytes a refusal may add to the process


def inference(arguments):
    return run_command("inference.py", "", add_arguments, render, arguments)


def snapshot(folder):
    return {p.relative_to(folder): p.is_file() and p.stat().st_size for p in folder.rglob("*")}


@pytest.fixture(scope="session")
def example_portrait():
    return EXAMPLES / "grace_hopper.jpg"


@pytest.fixture
def wav():
    """wav(path, seconds, rate, channels): a murmur in a 16-bit file."""

    def make(path, seconds=0.2, rate=16000, channels=1):
        time_ = np.arange(int(seconds * rate)) / rate
        tone = (6000 * np.sin(2 * np.pi * 180 * time_) * (1 + np.sin(9 * time_)) / 2).astype("<i2")
        with wave.open(str(path), "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(np.repeat(tone, channels).tobytes())
        return path

    return make


@pytest.fixture
def png():
    """png(path, width, height): a header of that size over almost no data."""

    def make(path, width, height):
        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
        return path

    return make


@pytest.fixture
def folder(tmp_path, monkeypatch, wav, example_portrait):
    """The working folder: portrait.jpg and speech.wav are good."""
    monkeypatch.chdir(tmp_path)
    wav(tmp_path / "speech.wav")
    (tmp_path / "portrait.jpg").write_bytes(example_portrait.read_bytes())
    return tmp_path


@pytest.fixture
def run(capfd):
    """run(*arguments): exit code, lines on standard output and on standard error of `inference.py`."""

    def make(*arguments, main=inference):
        code = main([str(a) for a in arguments])
        said = capfd.readouterr()
        return code, said.out.splitlines(), said.err.splitlines()

    return make


@pytest.fixture
def refused(folder, run):
    """refused(words, *arguments): exit code 1 and one line with the words, soon, nothing left behind.

    Portrait, voice and output are good ones where the arguments do not say otherwise.
    """

    def make(words, *arguments, **changed):
        main = changed.pop("main", inference)
        files = {"-i": "portrait.jpg", "-a": "speech.wav", "-o": "out.mp4"} if main is inference else {}
        files |= {f"-{key}": value for key, value in changed.items()}
        given = [part for option, value in files.items() if value is not None for part in (option, value)]
        before = snapshot(folder)
        began, memory = time.monotonic(), psutil.Process().memory_info().rss
        code, _, errors = run(*given, *arguments, main=main)
        assert len(errors) == 1, errors
        assert code == 1
        for word in words:
            assert word.lower() in errors[0].lower(), errors[0]
        assert snapshot(folder) == before
        assert time.monotonic() - began < LONGEST
        assert psutil.Process().memory_info().rss - memory < MOST

    return make
