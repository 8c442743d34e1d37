"""Which way imports go. The contracts are in pyproject.toml, in the table `tool.importlinter`."""

import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("cfg", "ditto", "ditto_server", "model_formats", "stream_pipeline")


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def test_every_contract_holds():
    """In a process of its own: import-linter switches off the loggers that are there."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()"]
    done = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_no_file_imports_itself_through_others(graph):
    circles = [
        sorted((module, imported))
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
        if graph.chain_exists(imported, module)
    ]
    assert circles == []


def test_every_file_lies_in_a_room_with_a_name():
    flat = {path.name for path in (ROOT / "ditto").glob("*.py")}
    assert flat == {
        *("__init__.py", "__main__.py"),
        *("arrays.py", "bundled.py", "deferred_stop.py", "rates.py", "smoothstep.py"),
    }
    stages = {path.stem for path in (ROOT / "ditto" / "stages").glob("*.py")}
    nine = {"avatar_registrar", "wav2feat", "condition_handler", "audio2motion", "stitch", "warp", "decode"}
    assert stages == {"__init__", "messages", "stage", *nine, "putback", "writer"}
