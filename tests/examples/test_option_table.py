"""docs/coming_from.md names tests that exist and options that are understood."""

import argparse
import re
from pathlib import Path

from stream_pipeline.commands.render import add_arguments

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "docs" / "coming_from.md").read_text()


def rows():
    """(theirs, ours, tests) of every row."""
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in TABLE.splitlines() if line.startswith("| ")]
    return [row for row in cells if row[0].strip() != "theirs"]


def test_every_test_that_is_named_exists():
    for *_, tests in rows():
        for name in re.findall(r"`([^`]+)`", tests):
            path, _, function = name.partition("::")
            file = ROOT / "tests" / path
            assert file.exists(), name
            assert not function or f"def {function}(" in file.read_text(), name


def test_every_option_of_ours_is_understood():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    known = {option for action in parser._actions for option in action.option_strings}
    for _, ours, _ in rows():
        for option in re.findall(r"(?<![\w-])(--[a-z][\w-]*)", ours):
            assert option in known, option


def test_what_is_the_same_is_understood_by_their_name():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    known = {option for action in parser._actions for option in action.option_strings}
    for theirs, ours, _ in rows():
        if ours.strip().startswith("the same"):
            assert set(re.findall(r"--[a-z_]+", theirs)) <= known, theirs
