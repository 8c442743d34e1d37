"""A folder of numbered PNG files, and which of those lying there are an earlier render's."""

from __future__ import annotations

import contextlib
import re
import shutil
from pathlib import Path

from PIL.PngImagePlugin import PngInfo

from cfg.errors import ConfigError
from ditto.arrays import Image

NUMBERED = re.compile(r"\d{6,}\.png")
MADE_BY = "Ditto Engine"  # the mark in each picture of a folder, by which a later run knows its own
MARK = b"tEXtSoftware\0" + MADE_BY.encode()
MARK_WITHIN = 128  # bytes of the file's beginning
OF_SYSTEMS = (".DS_Store", "Thumbs.db", "desktop.ini")  # what file browsers leave in folders


def check_alone(folder: Path) -> None:
    """Raises ConfigError where a folder for pictures holds anything but pictures of an earlier render."""
    if not folder.is_dir():
        return
    for entry in sorted(folder.iterdir()):
        if entry.name not in OF_SYSTEMS and not is_ours(entry):
            raise ConfigError(
                f"{folder}: holds {entry.name}, which is not a picture of an earlier render; name a new "
                "folder, or say that pictures may go there (--overwrite, output.overwrite)"
            )


def is_numbered(name: str) -> bool:
    return NUMBERED.fullmatch(name) is not None


def is_ours(picture: Path) -> bool:
    """Whether a numbered picture was written by a render, here or elsewhere."""
    if not is_numbered(picture.name) or not picture.is_file():
        return False
    with picture.open("rb") as file:
        return MARK in file.read(MARK_WITHIN)


class PictureFolder:
    """One PNG file a frame, numbered from 000000."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mark = PngInfo()
        self._mark.add_text("Software", MADE_BY)

    def write(self, image: Image, index: int) -> None:
        import imageio.v3  # only who writes pictures waits for it

        path = self._folder / f"{index:06d}.png"
        imageio.v3.imwrite(path, image, plugin="pillow", compress_level=3, pnginfo=self._mark)

    def close(self) -> None:
        """Every picture is whole already."""

    def abandon(self) -> None:
        """Nothing is held open."""


def replace_pictures(folder: Path, part: Path) -> None:
    """Moves numbered pictures into a folder, where they take the place of an earlier, longer row."""
    new = {picture.name for picture in part.iterdir()}
    for name in new:
        (part / name).replace(folder / name)
    for old in folder.iterdir():
        if old.name not in new and is_ours(old):
            old.unlink()
    part.rmdir()


def empty(folder: Path) -> None:
    """Removes what lies in a folder."""
    for entry in folder.iterdir():
        discard(entry)


def discard(part: Path) -> None:
    """Removes an unfinished file or folder; one that cannot be there is no error."""
    with contextlib.suppress(OSError):
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)
