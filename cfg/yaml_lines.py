"""Reads YAML and JSON as plain values that know their lines, so that an error can name them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from cfg.errors import ConfigError

MAX_FILE_BYTES = 1_000_000  # bytes
MAX_FILE_VALUES = 100_000  # values and keys together
MAX_GROUP_DEPTH = 8  # groups within groups
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C scanner where PyYAML has it
_BRACKET = re.compile(r"[\[\]{}]")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'", re.DOTALL)
_INTEGER = re.compile(r"[-+]?\d{1,18}")
_DECIMAL = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_WORDS: Mapping[str, object] = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True, slots=True, eq=False)
class Located:
    """A value, and where it was written; groups and lists hold further located values."""

    value: Any  # dict of name to Located, list of Located, or a plain value
    origin: str  # the file's name
    line: int  # of its key where it has one; 0 if it was not read from a file

    @property
    def where(self) -> str:
        return f"{self.origin}, line {self.line}" if self.line else self.origin

    def fail(self, message: str) -> NoReturn:
        raise ConfigError(f"{self.where}: {message}")

    def plain(self) -> object:
        """The value without its places."""
        if isinstance(self.value, dict):
            return {name: entry.plain() for name, entry in self.value.items()}
        if isinstance(self.value, list):
            return [entry.plain() for entry in self.value]
        return self.value


def located(value: object, origin: str) -> Located:
    """Values that are not from a file, in the same form."""
    if isinstance(value, Mapping):
        return Located({str(key): located(entry, origin) for key, entry in value.items()}, origin, 0)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return Located([located(entry, origin) for entry in value], origin, 0)
    return Located(value, origin, 0)


def read_located(path: Path, largest: int = MAX_FILE_BYTES) -> Located:
    """The one document in a YAML or JSON file; an empty one is an empty group.

    Aliases and tags are refused: a few lines of the former can stand for gigabytes.
    """
    try:
        size = path.stat().st_size
        if size > largest:
            raise ConfigError(f"{path}: {size} bytes are too many; at most {largest} are read")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    if path.suffix.lower() == ".json":
        text = _strict_json(text, path)
    return parse_located(text, str(path))


def parse_located(text: str, origin: str) -> Located:
    """The one document in YAML text."""
    reader = _Reader(origin)
    try:
        return reader.read(yaml.parse(text, _LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        if mark:
            reader.check_ahead(text, mark)
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{origin}{line}: not valid YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{origin}: not valid YAML: {' '.join(str(error).split())}") from error


def _strict_json(text: str, path: Path) -> str:
    """The same text with tabs as spaces, as YAML has it, once it is known to be JSON."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}, line {error.lineno}: not valid JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid JSON: {error}") from error
    return text.replace("\t", " ")


class _Reader:
    """Builds located values from a parser's events, without recursion and within bounds."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._open: list[tuple[Located, Located | None]] = []  # groups begun, with the key now waiting
        self._path: list[str] = []  # keys of the groups begun
        self._count = 0
        self._end = 0  # of the last event, as an index into the text
        self._whole: Located | None = None

    def read(self, events: Iterator[Any]) -> Located:
        documents = 0
        for event in events:
            line = event.start_mark.line + 1
            self._end = event.end_mark.index
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._at(line).fail("a second document begins here; one is expected")
            elif isinstance(event, yaml.AliasEvent):
                self._at(line).fail("aliases (*name) are not admitted; write the value out")
            elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                self._begin(event, line)
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                self._open.pop()
                self._path.pop()
            elif isinstance(event, yaml.ScalarEvent):
                self._scalar(event, line)
        return self._whole or Located({}, self._origin, 0)

    def check_ahead(self, text: str, mark: yaml.Mark) -> None:
        """Refuses what is nested too deep between the last event and the parser's error.

        A row of brackets is read to its end, within a limit of the parser's, before its first event.
        """
        ahead = _QUOTED.sub("", text[self._end : mark.index + 1])
        depth = len(self._open)
        for bracket in _BRACKET.findall(ahead):
            depth += 1 if bracket in "[{" else -1
            if depth > MAX_GROUP_DEPTH:
                self._too_deep(mark.line + 1)

    def _at(self, line: int, value: object = None) -> Located:
        return Located(value, self._origin, line)

    def _begin(self, event: Any, line: int) -> None:
        empty: object = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._plainly(event, line)
        if len(self._open) == MAX_GROUP_DEPTH:
            self._too_deep(line)
        key = self._open[-1][1] if self._open else None
        self._path.append(key.value if key else "")
        group = self._put(self._at(line, empty))
        self._open.append((group, None))

    def _too_deep(self, line: int) -> NoReturn:
        path = ".".join(name for name in self._path if name)
        self._at(line).fail(f"{path or 'lists'}: nested more than {MAX_GROUP_DEPTH} deep")

    def _scalar(self, event: Any, line: int) -> None:
        self._plainly(event, line)
        key_wanted = bool(self._open) and isinstance(self._open[-1][0].value, dict) and not self._open[-1][1]
        if key_wanted:
            group = self._open[-1][0]
            key = self._at(line, event.value)
            if event.value in group.value:
                key.fail(f"'{event.value}' is given twice")
            self._counted(line)
            self._open[-1] = (group, key)
        else:
            self._put(self._at(line, resolved(event.value) if not event.style else event.value))

    def _put(self, entry: Located) -> Located:
        """The entry in its place; one with a key takes the key's line."""
        self._counted(entry.line)
        if not self._open:
            self._whole = entry
            return entry
        group, key = self._open[-1]
        if isinstance(group.value, list):
            group.value.append(entry)
        elif key is None:
            entry.fail("a group or list cannot be a key")
        else:
            entry = Located(entry.value, entry.origin, key.line)
            group.value[key.value] = entry
            self._open[-1] = (group, None)
        return entry

    def _plainly(self, event: Any, line: int) -> None:
        if event.tag is not None:
            self._at(line).fail("tags (!name) are not admitted; write plain values")

    def _counted(self, line: int) -> None:
        self._count += 1
        if self._count > MAX_FILE_VALUES:
            self._at(line).fail(f"more than {MAX_FILE_VALUES} values and keys")


def resolved(text: str) -> object:
    """A plain scalar's number, truth or nothing; any other stays text, `1:30` and `yes` too."""
    if _INTEGER.fullmatch(text):
        return int(text)
    if len(text) <= 40 and _DECIMAL.fullmatch(text):
        return float(text)
    return _WORDS.get(text.lower(), text) if len(text) <= 5 else text
