"""Encodes pictures and a sound into a file that is either complete or not there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Protocol

import av

from cfg.errors import ConfigError, MediaError
from cfg.settings import OutputSettings
from ditto.arrays import Image
from ditto.deferred_stop import uninterrupted
from ditto.media.animation import Animation
from ditto.media.files import first_line
from ditto.media.inputs import NONE, Inputs
from ditto.media.output_lock import OutputLock
from ditto.media.picture_folder import (
    PictureFolder,
    check_alone,
    discard,
    empty,
    is_numbered,
    replace_pictures,
)
from ditto.media.sink import Sink
from ditto.media.sound import Sound, SoundFile
from ditto.media.video_file import VideoFile
from ditto.media.video_formats import ANIMATIONS, CODECS, checked_suffix

WORKING_NAMES = re.compile(  # what lies in a folder beside the output until that is whole
    r"\d{6,}\.png|\d{8}-\d{8}\.\w+|(whole|unfinished)\.\w+|recipe\.json|\.recipe\.json\.part"
)


def open_sink(
    path: Path,
    size: tuple[int, int],
    sound: Sound | SoundFile | None,
    settings: OutputSettings,
    inputs: Inputs = NONE,
) -> Sink:
    """A file of the kind its name says, for pictures of (height, width); a name without suffix is a folder
    of PNG files. With a transparent background pictures have four channels. Raises ConfigError where it
    would take the place of one of the inputs."""
    suffix = check_output(path, settings, inputs)
    sink: Whole | None = None
    try:
        with uninterrupted():
            sink = opened(path, suffix, size, sound, settings)
    except KeyboardInterrupt:
        if sink is not None:
            sink.abort()
        raise
    return sink


def opened(
    path: Path, suffix: str, size: tuple[int, int], sound: Sound | SoundFile | None, settings: OutputSettings
) -> Whole:
    """An unfinished file or folder of the kind its suffix says; none where it cannot be opened."""
    part = unfinished(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = OutputLock(part, path, folder=not suffix)
    except OSError as error:
        raise MediaError(f"{path}: cannot be written: {first_line(error)}") from error
    try:
        if suffix in CODECS:
            inner: PictureFile = VideoFile(part, size, sound.track if sound else None, settings)
        elif suffix in ANIMATIONS:
            inner = Animation(part, size, settings.fps, settings.transparent)
        else:
            empty(part)
            inner = PictureFolder(part)
    except BaseException as error:
        discard(part)
        lock.release()
        if isinstance(error, (OSError, av.FFmpegError)):
            raise MediaError(f"{path}: cannot be written: {first_line(error)}") from error
        raise
    return Whole(path, part, inner, lock, overwrite=settings.overwrite)


def check_output(path: Path, settings: OutputSettings, inputs: Inputs) -> str:
    """The suffix, as `checked_suffix`, of an output that takes the place of nothing that is read, and whose
    folder, if it is one for pictures, holds nothing else unless that is asked for."""
    if not path.name:
        raise MediaError(f"{path}: cannot be replaced as a whole; name a folder for the pictures, or a video")
    inputs.check_not_read(path, unfinished(path))
    suffix = checked_suffix(path, settings)
    if suffix:
        inputs.check(path)
    working = piece_folder(path) if suffix else unfinished(path)
    try:
        inputs.check_inside(working, lambda name: True)
        if not suffix:
            inputs.check_inside(path, is_numbered)
            if not settings.overwrite:
                check_alone(path)
        check_working(working)
    except OSError as error:
        raise MediaError(f"{path}: cannot be written: {first_line(error)}") from error
    return suffix


def unfinished(path: Path) -> Path:
    """Temporary name of an output until it is whole."""
    return path.with_name(f".{path.stem}.part{path.suffix}")


def piece_folder(path: Path) -> Path:
    """Folder of the pieces of a long video until it is whole."""
    return path.with_name(f".{path.name}.parts")


def check_working(folder: Path) -> None:
    """Raises ConfigError where a folder that is emptied before and after a render holds something else."""
    if not folder.is_dir() or folder.is_symlink():
        return
    for entry in sorted(folder.iterdir()):
        if not WORKING_NAMES.fullmatch(entry.name):
            raise ConfigError(f"{folder}: is needed for the render, but holds {entry.name}; move it away")


class PictureFile(Protocol):
    """Pictures as a file or a folder of some kind, which may be given up."""

    def write(self, image: Image, index: int) -> None: ...

    def close(self) -> None: ...

    def abandon(self) -> None:
        """Closes the file, whatever it holds."""


class Whole:
    """Writes under a temporary name beside the final one; only what is complete gets that."""

    def __init__(
        self, path: Path, part: Path, inner: PictureFile, lock: OutputLock, *, overwrite: bool
    ) -> None:
        self._path = path
        self._overwrite = overwrite
        self._part = part
        self._inner = inner
        self._lock = lock
        self._open = True
        self._empty = True

    def write(self, image: Image, index: int) -> None:
        self._empty = False
        try:
            self._inner.write(image, index)
        except (OSError, av.FFmpegError) as error:
            raise MediaError(f"{self._path}: cannot be written: {first_line(error)}") from error

    def close(self) -> None:
        if not self._open:
            return
        if self._empty:
            self.abort()
            raise MediaError(f"{self._path}: no picture was written")
        try:
            self._inner.close()
            if self._part.is_dir() and self._path.is_dir():
                if not self._overwrite:
                    check_alone(self._path)  # it may have been filled since
                replace_pictures(self._path, self._part)
            else:
                self._part.replace(self._path)
        except ConfigError:
            self.abort()
            raise
        except (MediaError, OSError, av.FFmpegError) as error:
            self.abort()
            raise MediaError(f"{self._path}: cannot be finished: {first_line(error)}") from error
        self._open = False
        self._lock.release()

    def abort(self) -> None:
        if self._open:
            self._open = False
            self._inner.abandon()
            discard(self._part)
            self._lock.release()
