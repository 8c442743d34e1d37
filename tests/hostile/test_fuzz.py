"""What the fuzzer of `make soak` finds, on readers that are wrong in one way each."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[1] / "soak" / "fuzz.py"


def fuzzed(*arguments):
    return subprocess.run(
        [sys.executable, FUZZ, *map(str, arguments)],
        env={**os.environ, "DITTO_FUZZ_KINDS": "tests.hostile.planted"},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("crash", "the process died: SIGABRT"),
        ("hang", "no answer"),
        ("raise_another_error", "KeyError: \"'lost'\" at planted.py"),
        ("refuse_without_a_word", "refused in other than one line"),
        ("grow", "grew by 1"),
        ("leave_a_file", "left tmp"),
        ("print_beside", "printed: ['warning: odd']"),
    ],
)
def test_a_fault_is_told_and_its_file_kept_to_be_read_again(tmp_path, fault, told):
    run = fuzzed(fault, 0, tmp_path, 5)
    assert run.returncode == 1, run.stderr
    assert f"{fault}: seed 5\n" in run.stdout and told in run.stdout
    (found,) = (tmp_path / "found").iterdir()
    assert found.read_bytes() == b"1" and str(found) in run.stdout
    again = fuzzed("replay", fault, found)
    assert again.returncode == 1 and told in again.stdout


def test_a_refusal_of_one_line_is_no_fault(tmp_path):
    run = fuzzed("refuse", 1, tmp_path, 5)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 findings" in run.stdout
