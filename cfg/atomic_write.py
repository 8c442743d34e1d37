"""Small files that are either complete or not there, whatever happens while they are written."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from cfg.errors import MediaError


def part_of(name: str) -> str:
    """Temporary name of a small file until it is whole."""
    return f".{name}.part"


def write_whole(path: Path, content: str | bytes) -> None:
    """The file with this content, on the disk; where that fails an earlier one stays as it was."""
    part = path.with_name(part_of(path.name))
    try:
        with part.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise MediaError(f"{path}: cannot be written: {error.strerror or error}") from error
        raise
