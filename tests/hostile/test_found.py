"""Files that fuzzing has found: each is taken or refused in one line, within limits of time and memory."""

from pathlib import Path

import pytest

from tests.soak.fuzz import replay

FOUND = sorted(Path(__file__).with_name("data").iterdir())  # a folder a kind of `tests/soak/fuzz_kinds.py`


@pytest.mark.parametrize("kind", FOUND, ids=lambda folder: folder.name)
def test_what_was_found_once_is_refused_in_one_line(kind, capsys):
    assert replay(kind.name, sorted(kind.iterdir())), capsys.readouterr().out
