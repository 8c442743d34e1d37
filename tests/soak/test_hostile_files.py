"""An hour of changed files of every kind that is read: none crashes, hangs, grows, litters or is unexplained.

`make soak` asks for the hour by DITTO_FUZZ_SECONDS; by hand it is a minute. DITTO_FUZZ_SEED repeats a run.
"""

import os
import random

import pytest

from tests.soak.fuzz import Fuzz
from tests.soak.fuzz_kinds import KINDS

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

SECONDS = float(os.environ.get("DITTO_FUZZ_SECONDS", "60"))
SEED = int(os.environ.get("DITTO_FUZZ_SEED") or random.SystemRandom().randrange(10**6))


@pytest.mark.parametrize("kind", KINDS)
def test_changed_files_are_taken_or_refused_in_one_line(tmp_path, kind, capsys):
    well = Fuzz(kind, tmp_path, SEED).run(SECONDS * KINDS[kind].share)
    assert well, capsys.readouterr().out
