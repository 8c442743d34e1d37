"""Programs whose streams are closed, full or narrow, and programs that are interrupted while they load."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INFERENCE = (
    ROOT / "inference.py",
    "-i",
    "portrait.jpg",
    "-a",
    "speech.wav",
    "-o",
    "out.mp4",
    "--max-size",
    128,
)
GESTURES = ("-m", "ditto", "script", "gestures")
FULL = "standard output: cannot be written: No space left on device\n"

needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")


def shell(program, streams, **environment):
    """Exit code, standard output and standard error of a program whose streams are redirected."""
    words = " ".join(f"'{word}'" for word in (sys.executable, *program))
    done = subprocess.run(
        ["sh", "-c", f"{words} {streams}"],
        env={**os.environ, **environment},
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize("streams", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_closed_streams_are_no_fault_and_nothing_is_printed_into_the_video(folder, streams):
    code, _, errors = shell(INFERENCE, streams)
    assert (code, "Error" in errors) == (0, False)
    made = (folder / "out.mp4").read_bytes()
    (folder / "out.mp4").unlink()
    assert shell(INFERENCE, "")[0] == 0
    assert made == (folder / "out.mp4").read_bytes()


@needs_full
def test_what_standard_error_cannot_take_does_not_stop_a_render(folder):
    code, said, _ = shell(INFERENCE, "2>/dev/full")
    assert (code, said.startswith("out.mp4: 5 frames")) == (0, True)


@needs_full
@pytest.mark.parametrize("program", [GESTURES, ("-u", *GESTURES), ("-m", "ditto", "-h"), INFERENCE])
def test_a_full_disk_behind_standard_output_is_one_line(folder, program):
    code, _, errors = shell(program, ">/dev/full")
    assert code == 1
    assert errors.endswith(FULL)
    assert "Traceback" not in errors


@pytest.mark.parametrize("python", [(), ("-u",)])
def test_a_reader_who_has_read_enough_is_told_nothing(folder, python):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, *python, *GESTURES], stdout=writer, stderr=subprocess.PIPE, timeout=60
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux only")
@pytest.mark.parametrize("name", ["Grüße.mp4", "caf\udce9.mp4"])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_name_that_cannot_be_printed_is_escaped_once_the_video_is_there(folder, name, encoding):
    program = [word if word != "out.mp4" else name for word in INFERENCE]
    code, said, _ = shell(program, "", PYTHONIOENCODING=encoding)
    assert (code, ": 5 frames" in said) == (0, True)
    assert (folder / name).is_file()


LOADED = [
    "stream_pipeline.commands",
    "argparse",
    "numpy",
    "cv2",
    "av",
    "onnxruntime",
    "stream_pipeline.engine",
]
INTERRUPTED = """
import importlib.abc, os, runpy, signal, sys

_, awaited, *sys.argv[:] = sys.argv

class Interrupts(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == awaited:
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupts())
sys.modules.pop(awaited, None)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("module", LOADED)
def test_a_program_that_is_interrupted_while_it_loads_a_module_ends_without_a_traceback(folder, module):
    command = [sys.executable, "-c", INTERRUPTED, module, *map(str, INFERENCE)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (-signal.SIGINT, 130)
    assert done.stderr in ("", "stopped\n")
    assert {path.name for path in folder.iterdir()} == {"portrait.jpg", "speech.wav"}
