"""Standard output and standard error, which take whatever is printed."""

from __future__ import annotations

import io
import os
import sys

TYPE_CHECKING = False  # to import typing takes longer than all the rest here, and Ctrl-C is not met yet
if TYPE_CHECKING:
    from typing import BinaryIO, TextIO


def prepare_streams() -> None:
    """Prepare standard streams: closed ones lead nowhere, and odd names are escaped."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # the first file that is opened would get the number, and be printed into
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    through = bool(getattr(sys.stdout, "write_through", False))  # python -u
    sys.stdout = Results(*opened(1, sys.stdout), line_buffering=os.isatty(1), write_through=through)
    sys.stderr = Remarks(*opened(2, sys.stderr), line_buffering=True)


def opened(number: int, stream: TextIO | None) -> tuple[BinaryIO, str, str]:
    """A standard stream's bytes, its encoding, and what becomes of signs that are not in it."""
    binary = (
        stream.detach() if isinstance(stream, io.TextIOWrapper) else os.fdopen(number, "wb", closefd=False)
    )
    return binary, getattr(stream, "encoding", None) or "utf-8", "backslashreplace"


class OutputLost(Exception):
    """Output that cannot be written: nobody reads it any more, or a disk is full."""


class Results(io.TextIOWrapper):
    """Standard output."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise OutputLost(error.strerror) from error

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise OutputLost(error.strerror) from error


class Remarks(io.TextIOWrapper):
    """Standard error. That nobody can read it is not what a program fails of."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError:
            return
