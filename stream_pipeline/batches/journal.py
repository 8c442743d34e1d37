"""Journal of a folder's finished jobs: one line each, written the moment a video is whole."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cfg.errors import MediaError
from cfg.settings import Settings
from ditto.media.inputs import place_of
from stream_pipeline.batches.jobs import Job
from stream_pipeline.recipe import described, digest, state

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
            entry = entry_of(line)
            if entry is not None:
                self._known[entry.output] = entry

    def finished(self, job: Job, recipe: str) -> Entry | None:
        """The entry of a job that was made in the same way and whose video is still there."""
        entry = self._known.get(_name(job))
        if entry is None or entry.recipe != recipe or size_of(job.output) != entry.size:
            return None
        return entry

    def add(self, job: Job, recipe: str, frames: int, seconds: float) -> None:
        entry = Entry(_name(job), recipe, size_of(job.output), frames, seconds)
        line = b"\n" + json.dumps(asdict(entry)).encode()  # the break before it ends one cut off by a kill
        with self._lock:
            self._known[entry.output] = entry
            try:
                with self._path.open("ab") as file:
                    file.write(line)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise MediaError(
                    f"{self._path}: cannot be written: {error.strerror or error}; {job} will be made again"
                ) from error


def entry_of(line: bytes) -> Entry | None:
    """Entry of a line; None where it is empty or broken."""
    try:
        entry = Entry(**json.loads(line))
    except (ValueError, TypeError, RecursionError):
        return None
    numbers: list[object] = [entry.size, entry.frames, entry.seconds]
    whole = isinstance(entry.output, str) and all(isinstance(n, (int, float)) for n in numbers)
    return entry if whole else None


def recipe_of(job: Job, settings: Settings) -> str:
    """Stands for everything a video is made from: both files as they are now, and all settings."""
    anywhere = replace(settings, pack=replace(settings.pack, device="cpu", threads=0))
    files = [text for path in (job.source, job.audio) for text in (str(place_of(path)), state(path))]
    return digest(described(anywhere), *files)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder; -1 where there is none."""
    if path.is_dir():
        return sum(p.stat().st_size for p in path.iterdir() if p.is_file())
    return path.stat().st_size if path.is_file() else -1


def _name(job: Job) -> str:
    return str(place_of(job.output))
