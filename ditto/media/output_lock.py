"""Lock that gives an unfinished file or folder one writer at a time."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from cfg.errors import MediaError

try:
    import fcntl
except ImportError:  # not on this system: two writers are then not told apart
    fcntl = None  # type: ignore[assignment]


class OutputLock:
    """An unfinished file or folder, made where it is missing; the system lets it go with the process."""

    def __init__(self, part: Path, output: Path, *, folder: bool) -> None:
        """Raises MediaError while another writer, of this process or another, makes the same `output`."""
        self._number: int | None = None
        while fcntl is not None and self._number is None:
            make(part, folder=folder)
            with contextlib.suppress(FileNotFoundError):  # its last writer was just done with it
                self._number = locked(part, output)
        make(part, folder=folder)

    def release(self) -> None:
        if self._number is not None:
            os.close(self._number)
            self._number = None

    def __del__(self) -> None:
        self.release()


def make(part: Path, *, folder: bool) -> None:
    if part.is_symlink():
        part.unlink()  # what it points to is not ours to write or to empty
    if folder:
        part.mkdir(parents=True, exist_ok=True)
    else:
        part.touch()


def locked(part: Path, output: Path) -> int | None:
    """A descriptor that holds the part; None where it was replaced meanwhile."""
    number = os.open(part, os.O_RDONLY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(number)
        raise MediaError(
            f"{output}: is being made by another run; wait for it, or name another output"
        ) from None
    except OSError:
        return number  # a file system without locks
    try:
        same = os.path.samestat(os.fstat(number), part.stat())
    except FileNotFoundError:
        same = False
    if same:
        return number
    os.close(number)
    return None
