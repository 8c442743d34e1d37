"""Code that drives a GPU says at its top that none has run it, until one has."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DRIVES = re.compile(
    r"torch\.cuda\.(?!get_device_name|is_available|device_count)|CUDAExecutionProvider\"|cuda\.bindings"
)


def test_every_file_that_drives_a_gpu_says_that_it_has_not_run_on_one():
    files = [path for room in ("ditto", "model_formats") for path in (ROOT / room).rglob("*.py")]
    driving = [path for path in files if DRIVES.search(path.read_text())]
    assert len(driving) >= 4
    silent = [path.name for path in driving if "Not run on a GPU yet" not in path.read_text().split('"""')[1]]
    assert not silent
