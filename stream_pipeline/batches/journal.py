"""Which jobs of a folder are done: one line each, written the moment a video is whole."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cfg.errors import MediaError
from stream_pipeline.batches.jobs import Job

NAME = ".batch.jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """A finished job."""

    output: str  # path of the video
    recipe: str  # stands for what it was made from
    size: int  # bytes
    frames: int
    seconds: float  # it took


class Journal:
    """Remembers finished jobs in the folder their videos lie in; safe from several threads."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._lock = threading.Lock()
        self._known: dict[str, Entry] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lines = self._path.read_bytes().splitlines() if self._path.exists() else []
        except OSError as error:
            raise MediaError(f"{folder}: cannot be used for videos: {error.strerror or error}") from error
        for line in lines:
            try:
                entry = Entry(**json.loads(line))
            except (ValueError, TypeError):
                continue  # cut off by a kill
            self._known[entry.output] = entry

    def finished(self, job: Job, recipe: str) -> Entry | None:
        """The entry of a job that was made in the same way and whose video is still there."""
        entry = self._known.get(_name(job))
        if entry is None or entry.recipe != recipe or size_of(job.output) != entry.size:
            return None
        return entry

    def add(self, job: Job, recipe: str, frames: int, seconds: float) -> None:
        entry = Entry(_name(job), recipe, size_of(job.output), frames, seconds)
        line = json.dumps(asdict(entry)).encode() + b"\n"
        with self._lock:
            self._known[entry.output] = entry
            with self._path.open("ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())


def recipe_of(job: Job, settings: Any) -> str:
    """Stands for everything a video is made from: both files as they are now, and all settings."""
    seen = [(str(path.resolve()), *_state(path)) for path in (job.source, job.audio)]
    with np.printoptions(threshold=sys.maxsize):
        return hashlib.sha256(repr((seen, settings)).encode()).hexdigest()


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder; -1 where there is none."""
    if path.is_dir():
        return sum(p.stat().st_size for p in path.iterdir() if p.is_file())
    return path.stat().st_size if path.is_file() else -1


def _state(path: Path) -> tuple[int, int]:
    try:
        seen = path.stat()
    except OSError:
        return -1, -1
    return seen.st_size, seen.st_mtime_ns


def _name(job: Job) -> str:
    return str(job.output.resolve())
