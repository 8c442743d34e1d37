"""First checks of a path: whether a file is there, not empty, and may be written."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from cfg.errors import ConfigError, MediaError
from ditto.media.file_signatures import mistaken

if TYPE_CHECKING:
    import av

PICTURES = "give a picture (JPEG, PNG, WebP, …) or a video (MP4, MOV, MKV, WebM)"
WANTED = {
    "voice": "give a sound (WAV, FLAC, MP3, …) or a video with one",
    "enhancer's model": "give an .onnx file",
    "upscaler's model": "give an .onnx file",
    "matting network's model": "give an .onnx file",
}


def existing(path: str | Path, what: str) -> Path:
    """The path, once it is known to be a file that is not empty; `what` is how an error calls it."""
    if re.match(r"(https?|ftp):/", str(path), re.I):
        raise MediaError(f"{path}: is an address; download the {what} first and give the file")
    path = Path(path)
    try:
        if path.is_dir():
            raise MediaError(f"{path}: is a folder, but the {what} must be a file")
        if not path.exists():
            raise MediaError(f"{path}: no such file; check the path of the {what}")
        if not path.is_file():
            raise MediaError(f"{path}: is a pipe or a device, but the {what} must be a file")
        if path.stat().st_size == 0:
            raise MediaError(f"{path}: the file is empty; export or download the {what} again")
        found = mistaken(path)
    except (OSError, ValueError) as error:
        raise MediaError(f"{path}: cannot be opened: {error}") from error
    if found is not None:
        kind, advice = found
        article = "an" if what[0] in "aeiou" else "a"
        raise MediaError(f"{path}: is {kind}, not {article} {what}; {advice or WANTED.get(what, PICTURES)}")
    return path


def is_folder(path: Path) -> bool:
    """Whether there is a folder; what no file system takes for a name is none."""
    return os.path.isdir(path)  # noqa: PTH112 - pathlib raises where it cannot tell


def is_there(path: Path) -> bool:
    """Whether there is a file or folder."""
    return os.path.exists(path)  # noqa: PTH110 - likewise


def check_named(output: str, kind: str, where: str = "") -> None:
    """Raises ConfigError where a name says neither a kind of video nor, by its end, a folder of pictures."""
    if kind or PurePath(output).suffix or output.endswith(("/", os.sep)):
        return
    raise ConfigError(
        f"{where}{output}: no kind of file in the name; add .mp4, or end it with / for a folder of pictures "
        "(--format png-sequence does the same)"
    )


def address(path: Path) -> str:
    """The path as FFmpeg takes it: absolute, so that no part of a name reads as a protocol."""
    return str(path.absolute())


def first_line(error: BaseException) -> str:
    """A library's own words, on one line, without what says nothing more to a reader."""
    words = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return re.sub(r"^\[Errno -?\d+\] |(?<=processing input): '.*'$", "", words)


def has_codec(stream: av.VideoStream | av.AudioStream) -> bool:
    """Whether FFmpeg knows how the stream is coded; PyAV's types do not tell that it may not."""
    context: object = stream.codec_context
    return context is not None
