"""What is to be made: jobs from folders, and from CSV and YAML lists."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cfg.errors import ConfigError, MediaError, did_you_mean
from cfg.reading import merge, read_yaml

VIDEOS = (".mp4", ".mov", ".mkv", ".webm")
SOUNDS = (".wav", ".flac", ".mp3", ".m4a", ".aac", ".ogg", ".opus", ".wma", ".aif", ".aiff", *VIDEOS)
PORTRAITS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".avi", ".gif", *VIDEOS)
LARGEST_LIST = 20_000_000  # bytes
MOST_JOBS = 100_000
COLUMNS = ("source", "audio", "output")


@dataclass(frozen=True, slots=True)
class Job:
    """One video to be made."""

    source: Path
    audio: Path
    output: Path
    over: Mapping[str, Any] = field(default_factory=dict)  # groups of settings laid on top

    def __str__(self) -> str:
        return self.output.name


def jobs_of_folders(source: Path, audio: Path, folder: Path, suffix: str = ".mp4") -> list[Job]:
    """Each portrait with each sound; either may be one file, or a folder of them."""
    portraits, sounds = files_in(source, PORTRAITS, "portraits"), files_in(audio, SOUNDS, "sounds")
    names = distinct_names(sounds)
    if not source.is_dir():
        return [Job(portraits[0], s, folder / f"{names[s]}{suffix}") for s in sounds]
    people = distinct_names(portraits)
    return [
        Job(portrait, sound, folder / people[portrait] / f"{names[sound]}{suffix}")
        for portrait in portraits
        for sound in sounds
    ]


def files_in(path: Path, suffixes: Sequence[str], what: str) -> list[Path]:
    """The file itself, or the files of a folder that are of one of these kinds, in order of name."""
    if not path.is_dir():
        if not path.exists():
            raise MediaError(f"{path}: no such file or folder; check the path of the {what}")
        return [path]
    found = sorted(p for p in path.iterdir() if p.suffix.lower() in suffixes and not p.name.startswith("."))
    if not found:
        raise MediaError(f"{path}: holds no {what} ({', '.join(suffixes)})")
    return found


def distinct_names(paths: Sequence[Path]) -> dict[Path, str]:
    """A name for each file: its own without suffix, or with it where two would be alike."""
    stems = Counter(path.stem.lower() for path in paths)
    return {p: p.stem if stems[p.stem.lower()] == 1 else p.name.replace(".", "_") for p in paths}


def read_jobs(path: Path, folder: Path, suffix: str = ".mp4") -> list[Job]:
    """The jobs of a `.csv` or `.yaml` list; its relative paths count from where the list lies.

    Columns or keys are `source`, `audio`, `output` (from `folder`; may be left out) and settings:
    a CSV column `motion.seed`, a YAML mapping `settings: {motion: {seed: 3}}`. A YAML list lies
    under `jobs`, and what `defaults` holds counts for all of them.
    """
    read = {".csv": _of_csv, ".yaml": _of_yaml, ".yml": _of_yaml}.get(path.suffix.lower())
    if read is None:
        raise ConfigError(f"{path}: a list of jobs is a .csv or a .yaml file")
    jobs: list[Job] = []
    made: dict[Path, str] = {}
    for where, row in read(path):
        if len(jobs) == MOST_JOBS:
            raise ConfigError(f"{path}: more than {MOST_JOBS} jobs; give several lists")
        job = _job(row, f"{path}, {where}", path.parent, folder, suffix)
        earlier = made.setdefault(job.output.resolve(), where)
        if earlier != where:
            raise ConfigError(f"{path}, {where}: makes {job.output}, as {earlier} does; name another output")
        jobs.append(job)
    if not jobs:
        raise ConfigError(f"{path}: holds no jobs; give lines of source, audio and output")
    return jobs


def _job(row: Mapping[str, Any], where: str, near: Path, folder: Path, suffix: str) -> Job:
    for name in ("source", "audio"):
        if not isinstance(row.get(name), str) or not row[name]:
            raise ConfigError(f"{where}: '{name}' is missing; give the path of a file")
    source, audio = near / row["source"], near / row["audio"]
    output = row.get("output") or f"{source.stem}_{audio.stem}{suffix}"
    if not isinstance(output, str):
        raise ConfigError(f"{where}: output is {output!r}, but must be a file name")
    over = row.get("settings") or {}
    if not isinstance(over, Mapping) or not all(isinstance(v, Mapping) for v in over.values()):
        raise ConfigError(f"{where}: settings must be groups, as in settings: {{motion: {{seed: 3}}}}")
    return Job(source, audio, folder / output, over)


def _of_csv(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(_text(path)), strict=True)
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = names
        for name in names:
            if name not in COLUMNS and "." not in name:
                raise ConfigError(f"{path}, line 1: '{name}' is not a column{did_you_mean(name, COLUMNS)}")
        for row in reader:
            where = f"line {reader.line_num}"
            if None in row or any(value is None for value in row.values()):
                raise ConfigError(f"{path}, {where}: has another number of fields than line 1")
            yield where, _with_settings(row, f"{path}, {where}")
    except csv.Error as error:
        raise ConfigError(f"{path}, line {reader.line_num}: not valid CSV: {error}") from error


def _with_settings(row: Mapping[str, str], where: str) -> dict[str, Any]:
    """A row whose `group.name` columns have become nested settings; an empty field says nothing."""
    settings: dict[str, dict[str, Any]] = {}
    for column, text in row.items():
        group, dot, name = column.partition(".")
        if dot and text.strip():
            try:
                settings.setdefault(group, {})[name] = yaml.safe_load(text)
            except (yaml.YAMLError, ValueError) as error:
                raise ConfigError(f"{where}: {column} is '{text}', which cannot be read") from error
    return {**{c: row[c].strip() for c in COLUMNS if c in row}, "settings": settings}


def _of_yaml(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    _text(path)
    values = read_yaml(path)
    for key in values:
        if key not in ("jobs", "defaults"):
            raise ConfigError(f"{path}: '{key}' is not known{did_you_mean(str(key), ('jobs', 'defaults'))}")
    listed, defaults = values.get("jobs"), values.get("defaults") or {}
    if not isinstance(listed, list) or not isinstance(defaults, dict):
        raise ConfigError(f"{path}: expected 'jobs:' with a list, and 'defaults:' with a mapping")
    known = (*COLUMNS, "settings")
    for number, row in enumerate(listed, 1):
        where = f"job {number}"
        if not isinstance(row, dict):
            raise ConfigError(f"{path}, {where}: is {row!r}, but must have source, audio and output")
        for key in (*row, *defaults):
            if key not in known:
                raise ConfigError(f"{path}, {where}: '{key}' is not known{did_you_mean(str(key), known)}")
        yield where, merge(defaults, row)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_LIST:
            raise ConfigError(f"{path}: more than {LARGEST_LIST} bytes are too many for a list of jobs")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as a list of jobs: {error}") from error
