"""Files that a run reads, which nothing it writes may replace."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from cfg.errors import ConfigError

Identity = tuple[int, int]  # of a file, whatever it is called: device and number


class Inputs:
    """Files that are read, and folders of which every file is; an output may be none of them.

    A file is told by what it is, not by how it is spelled: through links, and whatever the case.
    """

    def __init__(self, files: Iterable[str | Path] = (), folders: Iterable[str | Path] = ()) -> None:
        self._files = identified(files, folders=False)
        self._places = {place_of(path): path for path in self._files.values()}
        self._folders = identified(folders, folders=True)

    def __or__(self, other: Inputs) -> Inputs:
        both = Inputs()
        both._files = self._files | other._files
        both._places = self._places | other._places
        both._folders = self._folders | other._folders
        return both

    def check(self, *outputs: Path) -> None:
        """Raises ConfigError where one of the files would be an input, or lie among those of a folder."""
        self.check_not_read(*outputs)
        for output in outputs:
            self._check_not_listed(output.parent, output)

    def check_not_read(self, *outputs: Path) -> None:
        """Raises ConfigError where one of the outputs, files or folders, is an input."""
        for output in outputs:
            read = self._read(output)
            if read is not None:
                same = "" if read == output.absolute() else f" (it is {read})"
                raise ConfigError(f"{output}: is an input too{same}, and would be lost; name another output")

    def check_inside(self, folder: Path, written: Callable[[str], bool]) -> None:
        """The same of all that lies in a folder under names that will be written or removed."""
        self._check_not_listed(folder, folder)
        if folder.is_dir():
            self.check_not_read(*sorted(entry for entry in folder.iterdir() if written(entry.name)))

    def _check_not_listed(self, folder: Path, output: Path) -> None:
        identity = identity_of(folder)
        if identity is not None and identity in self._folders:
            raise ConfigError(
                f"{output}: would lie in {folder}, of which every file is an input; name another folder"
            )

    def _read(self, output: Path) -> Path | None:
        """The input that would be lost; None where that is none, or nothing is there yet."""
        identity = identity_of(output)
        if identity is None:
            return None
        read = self._files.get(identity)
        if read is not None and identity_of(read) == identity:  # not one removed since, whose number was free
            return read
        return self._places.get(place_of(output))


def identified(paths: Iterable[str | Path], *, folders: bool) -> dict[Identity, Path]:
    """Those of the paths that lead to files, or to folders, by what they lead to."""
    found = {}
    for path in paths:
        seen = look_at(Path(path))
        if seen is not None and stat.S_ISDIR(seen.st_mode) == folders:
            found[seen.st_dev, seen.st_ino] = Path(path).absolute()
    return found


def identity_of(path: Path) -> Identity | None:
    """Identity of the file a path leads to; None where there is none."""
    seen = look_at(path)
    return None if seen is None else (seen.st_dev, seen.st_ino)


def look_at(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (OSError, ValueError):
        return None  # nothing there, or no name that a file could have


def place_of(path: Path) -> Path:
    """Resolved path, whatever its spelling; a loop of links leads to itself."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path.absolute()


NONE = Inputs()
