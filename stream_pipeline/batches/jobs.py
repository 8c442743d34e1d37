"""Jobs of a batch, from folders, and from CSV and YAML lists."""

from __future__ import annotations

import csv
import io
import reprlib
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from cfg.errors import ConfigError, MediaError, did_you_mean
from cfg.reading import merge, parse_value, read_yaml
from ditto.media.files import check_named, is_folder, is_there
from ditto.media.inputs import place_of

VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm")
SOUND_SUFFIXES = (
    *(".wav", ".flac", ".mp3", ".m4a", ".aac", ".ogg", ".opus", ".wma", ".aif", ".aiff"),
    *VIDEO_SUFFIXES,
)
PORTRAIT_SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".avi", ".gif"),
    *VIDEO_SUFFIXES,
)
MAX_LIST_BYTES = 20_000_000  # bytes
MAX_JOBS = 100_000
MAX_COLUMNS = 1_000
COLUMNS = ("source", "audio", "output")


@dataclass(frozen=True, slots=True)
class Job:
    """One video to be made."""

    source: Path
    audio: Path
    output: Path
    over: Mapping[str, Mapping[str, object]] = field(default_factory=dict)  # groups of settings laid on top
    where: str = field(default="", compare=False)  # it is asked for

    def __str__(self) -> str:
        return printable(self.output.name)


def jobs_of_folders(source: Path, audio: Path, folder: Path, suffix: str = ".mp4") -> list[Job]:
    """Each portrait with each sound; either may be one file, or a folder of them."""
    portraits = files_in(source, PORTRAIT_SUFFIXES, "portraits")
    sounds = files_in(audio, SOUND_SUFFIXES, "sounds")
    if len(portraits) * len(sounds) > MAX_JOBS:
        raise ConfigError(
            f"{len(portraits)} portraits with {len(sounds)} sounds are more than {MAX_JOBS} videos; "
            "take a part of them at a time"
        )
    names = distinct_names(sounds)
    folders = [folder / name for name in distinct_names(portraits)] if source.is_dir() else [folder]
    return [
        Job(portrait, sound, place / f"{name}{suffix}", where=printable(sound))
        for portrait, place in zip(portraits, folders, strict=True)
        for sound, name in zip(sounds, names, strict=True)
    ]


def files_in(path: Path, suffixes: Sequence[str], what: str) -> list[Path]:
    """The file itself, or the files of a folder that are of one of these kinds, in order of name."""
    if not is_folder(path):
        if not is_there(path):
            raise MediaError(f"{path}: no such file or folder; check the path of the {what}")
        return [path]
    entries = (p for p in path.iterdir() if p.suffix.lower() in suffixes and not p.name.startswith("."))
    found = sorted(entry for entry in entries if entry.is_file())
    if not found:
        raise MediaError(f"{path}: holds no {what} ({', '.join(suffixes)})")
    return found


def distinct_names(paths: Sequence[Path]) -> list[str]:
    """A name for each file: its own without suffix, or with it where two would be alike."""
    stems = Counter(folded(path.stem) for path in paths)
    names: list[str] = []
    taken: set[str] = set()
    for path in paths:
        name = path.stem if stems[folded(path.stem)] == 1 else path.name.replace(".", "_")
        while folded(name) in taken:
            name += "_"
        taken.add(folded(name))
        names.append(name)
    return names


def folded(name: str | Path) -> str:
    """The same for names that some file systems do not tell apart."""
    return unicodedata.normalize("NFC", str(name)).casefold()


def printable(name: object) -> str:
    """A name or message with a question mark for everything that would not show, or steer a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in str(name))


def name_in(folder: Path, job: Job) -> str:
    """The job's video as it is called in the folder of all videos."""
    inside = job.output.is_relative_to(folder)
    return printable(job.output.relative_to(folder) if inside else job.output)


def check_outputs(jobs: Sequence[Job]) -> None:
    """Raises ConfigError where two jobs make the same video."""
    made: dict[str, Job] = {}
    for job in jobs:
        other = made.setdefault(folded(place_of(job.output)), job)
        if other is not job:
            raise ConfigError(
                f"{job.where or printable(job.audio)}: makes {printable(job.output)}, as "
                f"{other.where or printable(other.audio)} does; name another output"
            )


def read_jobs(path: Path, folder: Path, suffix: str = ".mp4", kind: str = "") -> list[Job]:
    """The jobs of a `.csv` or `.yaml` list; its relative paths count from where the list lies.

    Columns or keys are `source`, `audio`, `output` (in `folder`; may be left out) and settings: a CSV
    column `motion.seed`, a YAML mapping `settings: {motion: {seed: 3}}`. Commas, semicolons or tabs may
    stand between the fields of a CSV. A YAML list lies under `jobs`, and what `defaults` holds counts for
    all of them. `kind` is the format asked for all of them; without one an output needs a suffix, or a /
    behind the name of a folder of pictures.
    """
    read = {".csv": _of_csv, ".yaml": _of_yaml, ".yml": _of_yaml}.get(path.suffix.lower())
    if read is None:
        raise ConfigError(f"{path}: a list of jobs is a .csv or a .yaml file")
    jobs: list[Job] = []
    for where, row in read(path):
        if len(jobs) == MAX_JOBS:
            raise ConfigError(f"{path}: more than {MAX_JOBS} jobs; give several lists")
        jobs.append(_job(row, f"{path}, {where}", path.parent, folder, suffix, kind))
    if not jobs:
        raise ConfigError(f"{path}: holds no jobs; give lines of source, audio and output")
    return jobs


def _job(row: Mapping[str, object], where: str, near: Path, folder: Path, suffix: str, kind: str) -> Job:
    source, audio = (near / _file(row, name, where) for name in ("source", "audio"))
    output = row.get("output") or f"{source.stem}_{audio.stem}{suffix}"
    if not isinstance(output, str) or not output.isprintable():
        raise ConfigError(f"{where}: output is {output!r}, but must be a file name")
    if not within(output):
        raise ConfigError(f"{where}: output is '{output}', but must lie in the folder of the videos (-o)")
    over = row.get("settings") or {}
    if not isinstance(over, Mapping) or not all(isinstance(v, Mapping) for v in over.values()):
        raise ConfigError(f"{where}: settings must be groups, as in settings: {{motion: {{seed: 3}}}}")
    if "pack" in over:
        raise ConfigError(
            f"{where}: settings of 'pack' are those of the whole batch; give them beside the list"
        )
    check_named(output, over.get("output", {}).get("format") or kind, f"{where}: output ")
    return Job(source, audio, folder / output, over, where)


def _file(row: Mapping[str, object], name: str, where: str) -> str:
    """The path that a row gives for one of its files."""
    given = row.get(name)
    if not isinstance(given, str) or not given:
        raise ConfigError(f"{where}: '{name}' is missing; give the path of a file")
    if "\0" in given:
        raise ConfigError(f"{where}: '{name}' is {given!r}, which is not a path of a file")
    return given


def within(name: str) -> bool:
    """Whether a relative name stays in its folder, as it is written."""
    path = PurePath(name)
    return bool(path.name) and not path.is_absolute() and ".." not in path.parts


def _of_csv(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    text = _text(path)
    reader = csv.DictReader(io.StringIO(text), strict=True, delimiter=delimiter_of(text))
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = names
        if len(names) > MAX_COLUMNS:
            raise ConfigError(f"{path}, line 1: {len(names)} columns, but at most {MAX_COLUMNS} are read")
        for name in names:
            if name not in COLUMNS and "." not in name:
                raise ConfigError(f"{path}, line 1: '{name}' is not a column{did_you_mean(name, COLUMNS)}")
            if names.count(name) > 1:
                raise ConfigError(f"{path}, line 1: '{name}' is there twice")
        for row in reader:
            where = f"line {reader.line_num}"
            if None in row or any(value is None for value in row.values()):
                raise ConfigError(f"{path}, {where}: has another number of fields than line 1")
            yield where, _with_settings(row, f"{path}, {where}")
    except csv.Error as error:
        raise ConfigError(f"{path}, line {reader.line_num}: not valid CSV: {error}") from error


def delimiter_of(text: str) -> str:
    """Delimiter of a CSV by its first line: a semicolon where spreadsheets write the
    comma into numbers, or a tab."""
    first = text.lstrip().partition("\n")[0]
    return max(",;\t", key=first.count)


def _with_settings(row: Mapping[str, str], where: str) -> dict[str, object]:
    """A row whose `group.name` columns have become nested settings; an empty field says nothing."""
    settings: dict[str, dict[str, object]] = {}
    for column, text in row.items():
        group, dot, name = column.partition(".")
        if dot and text.strip():
            try:
                settings.setdefault(group, {})[name] = parse_value(text)
            except ConfigError as error:
                shown = reprlib.repr(text)
                raise ConfigError(f"{where}: {column} is {shown}, which cannot be read: {error}") from error
    return {**{c: row[c].strip() for c in COLUMNS if c in row}, "settings": settings}


def _of_yaml(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
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
        if path.stat().st_size > MAX_LIST_BYTES:
            raise ConfigError(f"{path}: more than {MAX_LIST_BYTES} bytes are too many for a list of jobs")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as a list of jobs: {error}") from error
