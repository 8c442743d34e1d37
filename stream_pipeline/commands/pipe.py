"""The video itself on standard output, where nothing else may come between."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from cfg.errors import ConfigError


class Pipe:
    """Bytes for whoever reads standard output."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self.left = False  # whether the reader is gone

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except BrokenPipeError:
            self.left = True
            raise


@contextmanager
def video_on_standard_output() -> Iterator[Pipe]:
    """Standard output for a video; whatever is printed meanwhile goes to standard error."""
    if os.isatty(1):
        raise ConfigError("-o - is the video itself, not for a terminal; send it on: … -o - | ffplay -")
    sys.stdout.flush()
    own = os.dup(1)
    os.dup2(2, 1)
    try:
        with io.FileIO(own, "wb", closefd=False) as file:
            yield Pipe(file)
    finally:
        sys.stdout.flush()
        os.dup2(own, 1)
        os.close(own)
