"""Files that a command line reads and writes, told by the types of its options."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from ditto.media.inputs import Inputs


class WrittenPath(str):
    """Path that a command writes to; `type=WrittenPath` of an option. A text of another type may be read."""

    __slots__ = ()


class InputPath(str):
    """Path of a file, or of a folder of which every file is read."""

    __slots__ = ()


def inputs_of(parsed: argparse.Namespace) -> Inputs:
    """Every file that a command line names, but for those it says are written."""
    texts = list(texts_of(parsed))
    return Inputs(
        (text for text in texts if not isinstance(text, WrittenPath)),
        (text for text in texts if isinstance(text, InputPath)),
    )


def outputs_of(parsed: argparse.Namespace) -> list[Path]:
    """Every file or folder that a command line says is written."""
    return [Path(text) for text in texts_of(parsed) if isinstance(text, WrittenPath)]


def texts_of(parsed: argparse.Namespace) -> Iterator[str]:
    """Words of the command line that may be paths."""
    for said in vars(parsed).values():
        yield from (text for text in (said if isinstance(said, list) else [said]) if isinstance(text, str))
