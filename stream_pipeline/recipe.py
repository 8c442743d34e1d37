"""Digest that tells one render from another: settings, and the content of every file they name."""

from __future__ import annotations

import dataclasses
import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from cfg.settings import Settings
from model_formats.backend import sha256

# bytes above which a file is told by its size and time of change instead of its content
MAX_HASHED_BYTES = 64_000_000


def digest(*about: str, blocks: Iterable[bytes] = ()) -> str:
    """A name for texts, and for data that follows them."""
    made = hashlib.sha256(repr(about).encode("utf-8", "surrogateescape"))
    for block in blocks:
        made.update(block)
    return made.hexdigest()


def described(settings: Settings) -> str:
    """Everything a video's pictures depend on beside its source and its voice."""
    output = dataclasses.replace(settings.output, resume=False, overwrite=False)
    kept = dataclasses.replace(settings, output=output)
    files = [(str(path), state(path)) for path in sorted(named_files(settings))]
    with np.printoptions(threshold=sys.maxsize):
        return repr((program(), kept, files))


def state(path: Path) -> str:
    """Changes with a file; '' where there is none."""
    if not is_file(path):
        return ""  # a device would never end
    try:
        seen = path.stat()
        return content(path, seen.st_size, seen.st_mtime_ns)
    except OSError:
        return ""


@lru_cache(maxsize=1024)
def content(path: Path, size: int, changed: int) -> str:
    return sha256(path) if size <= MAX_HASHED_BYTES else f"{size} {changed}"


def named_files(settings: Settings) -> set[Path]:
    """The files that settings name: scripts, pictures, networks."""
    root = Path(settings.pack.root)
    paths = {root / name for name in settings.pack.files.values()}
    paths |= {Path(text) for text in texts(settings)}
    return {path for path in paths if is_file(path)}


def texts(value: object) -> Iterator[str]:
    """Every text in nested settings."""
    if isinstance(value, (str, Path)):
        yield str(value)
    elif dataclasses.is_dataclass(value):
        for entry in dataclasses.fields(value):
            yield from texts(getattr(value, entry.name))
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from texts(part)


def is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False  # no name a file could have


def program() -> str:
    try:
        return version("ditto-engine")
    except PackageNotFoundError:
        return ""
