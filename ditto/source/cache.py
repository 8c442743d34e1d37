"""Measurements of portraits, kept on disk by content, so that a known one is ready at once.

An entry is a plain npz of numbers, read without pickle; one that is damaged counts as absent. The
folder is that of DITTO_CACHE, or the user's cache; an empty DITTO_CACHE switches it off.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, cast

import numpy as np

from cfg.errors import MediaError
from ditto.arrays import Image
from ditto.source.array_file import read_arrays, write_arrays
from ditto.source.avatar import SourceFrame
from ditto.source.frame_arrays import frame_arrays, frame_of

MAX_CACHE_BYTES = 1_000_000_000  # bytes of all entries together; the ones not used longest go first
APPEARANCE = "appearance"
ENTRY = re.compile(r"[0-9a-f]{64}\.npz")  # other files of the folder are left alone


class AvatarCache:
    """A folder of measured portraits; None as folder keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @classmethod
    def usual(cls) -> AvatarCache:
        """Cache folder that the environment names."""
        named = os.environ.get("DITTO_CACHE")
        if named is not None:
            return cls(Path(named) if named else None)
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return cls(Path(base) / "ditto-engine" / "avatars")

    def load(self, key: str, image: Image) -> SourceFrame[NoReturn] | None:
        """The frame kept under a key, painted on `image`."""
        if self._folder is None:
            return None
        path = self._folder / f"{key}.npz"
        try:
            arrays = read_arrays(path)
            os.utime(path)
            return frame_of(arrays, image, cast(NoReturn, arrays[APPEARANCE]))
        except (OSError, ValueError, KeyError, MediaError):
            return None

    def store(self, key: str, frame: SourceFrame[object]) -> None:
        """Keeps a frame whose appearance is one array; a full or read-only disk is no reason to fail."""
        if self._folder is None or not isinstance(frame.appearance, np.ndarray):
            return
        arrays = {**frame_arrays(frame), APPEARANCE: frame.appearance}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".part", delete=False) as file:
                part = Path(file.name)
                write_arrays(file, arrays)
            part.replace(self._folder / f"{key}.npz")
            self._trim(self._folder)
        except OSError:
            return

    @staticmethod
    def _trim(folder: Path) -> None:
        own = (entry for entry in folder.glob("*.npz") if ENTRY.fullmatch(entry.name))
        entries = sorted(own, key=lambda entry: entry.stat().st_mtime)
        total = sum(entry.stat().st_size for entry in entries)
        for entry in entries[:-1]:
            if total <= MAX_CACHE_BYTES:
                break
            total -= entry.stat().st_size
            entry.unlink(missing_ok=True)


def key_of(image: Image, *about: object) -> str:
    """A name for a picture and everything its measurements depend on."""
    digest = hashlib.sha256(repr((image.shape, about)).encode())
    digest.update(image.tobytes())
    return digest.hexdigest()


def files_seen(paths: Sequence[Path]) -> list[tuple[str, int, int]]:
    """Identity of model files: path, size and time of change."""
    return [(str(p.resolve()), p.stat().st_size, p.stat().st_mtime_ns) for p in paths if p.is_file()]
