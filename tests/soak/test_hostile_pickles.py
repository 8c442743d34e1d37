"""A million mutated pickles: each is read, or refused by an error of ours."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.soak, pytest.mark.timeout(7200)]

FUZZ = Path(__file__).with_name("fuzz_pickles.py")


@pytest.mark.parametrize(("kind", "count"), [("configuration", 1_000_000), ("weights", 100_000)])
def test_no_mutated_pickle_does_more_than_be_refused(tmp_path, kind, count):
    told = subprocess.run(
        [sys.executable, str(FUZZ), "1", str(count), str(tmp_path), kind], capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr[-5000:]
    assert int(told.stdout) > count // 2
