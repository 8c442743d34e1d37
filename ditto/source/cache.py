"""Measurements of portraits, kept on disk by content, so that a known one is ready at once.

An entry is a plain npz of numbers, read without pickle; one that is damaged counts as absent. The
folder is that of DITTO_CACHE, or the user's cache; an empty DITTO_CACHE switches it off.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np

from ditto.arrays import Image
from ditto.motion.vector import named_arrays, source_motion
from ditto.source.avatar import SourceFrame

MAX_CACHE_BYTES = 1_000_000_000  # bytes of all entries together; the ones not used longest go first
PARTS = ("eye_open", "eye_ball", "to_frame", "landmarks", "appearance")
MOTION = "motion."
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
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            os.utime(path)
            warnings = tuple(str(line) for line in arrays.pop("warnings"))
            motion = source_motion(
                {n.removeprefix(MOTION): a for n, a in arrays.items() if n.startswith(MOTION)}
            )
            parts = {name: arrays[name] for name in PARTS}
            return SourceFrame(index=0, image=image, motion=motion, warnings=warnings, **parts)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def store(self, key: str, frame: SourceFrame[object]) -> None:
        """Keeps a frame whose appearance is one array; a full or read-only disk is no reason to fail."""
        if self._folder is None or not isinstance(frame.appearance, np.ndarray):
            return
        arrays = {name: getattr(frame, name) for name in PARTS}
        arrays |= {MOTION + name: part for name, part in named_arrays(frame.motion).items()}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".part", delete=False) as file:
                part = Path(file.name)
                np.savez(file, warnings=np.array(frame.warnings, np.str_), **arrays)
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
