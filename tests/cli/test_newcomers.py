"""What somebody meets who does not know the program yet: each wrong step is answered with the right one."""

import subprocess
import sys
from pathlib import Path

import pytest

from stream_pipeline.commands import main as ditto

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "program", [["inference.py"], ["-m", "ditto", "doctor"]], ids=["inference", "doctor"]
)
def test_a_python_without_the_packages_is_told_which_one_to_use(program):
    bare = subprocess.run(
        [sys.executable, "-S", *program], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert bare.returncode == 1
    assert len(bare.stderr.splitlines()) == 1
    assert "make demo" in bare.stderr
    assert f".venv/bin/python {program[0]}" in bare.stderr


@pytest.mark.parametrize(
    ("called", "name"), [("/x/ditto/__main__.py", "python -m ditto"), ("/x/bin/ditto-engine", "ditto-engine")]
)
def test_hints_name_the_program_as_it_was_called(run, monkeypatch, called, name):
    monkeypatch.setattr(sys, "argv", [called])
    code, _, errors = run("frobnicate", main=ditto)
    assert code == 1
    assert f"'{name} -h'" in errors[0]
