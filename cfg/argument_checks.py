"""Checks of what a caller hands over: an error of ours for anything else."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Collection, Mapping
from numbers import Real
from pathlib import Path
from typing import Any, TypeGuard

from cfg.errors import ConfigError, did_you_mean


def path_of(given: object, what: str) -> Path:
    """The path that is given."""
    if not isinstance(given, (str, os.PathLike)):
        raise ConfigError(f"the {what} is {kind_of(given)}, but must be the path of a file or folder")
    text = os.fspath(given)
    if not isinstance(text, str) or not text or "\0" in text:
        raise ConfigError(f"the {what} is {reprlib.repr(text)}, which is not a path")
    return Path(text)


def whole_of(given: object, what: str, least: int, most: int) -> int:
    """The whole number that is given, also as 16000.0 or NumPy's."""
    if is_number(given) and least <= given <= most and given == int(given):
        return int(given)
    raise ConfigError(f"{what} is {kind_of(given)}, but must be a whole number from {least} to {most}")


def seconds_of(given: object, what: str) -> float | None:
    """A time to wait for; None is for ever."""
    if given is None:
        return None
    if is_number(given) and 0 <= given <= 1e9:
        return float(given)
    raise ConfigError(f"{what} is {kind_of(given)}, but must be a number of seconds, or None")


def mapping_of(given: object, what: str) -> Mapping[str, Any]:
    """Groups of settings; {} for None."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return given
    raise ConfigError(
        f"{what} is {kind_of(given)}, but must be groups of settings, as in {{'motion': {{'seed': 3}}}}"
    )


def word_of(given: object, known: Collection[str], problem: str) -> str:
    """The one of the known words that is given; `problem` is said of any other: "is not a way to ease"."""
    if isinstance(given, str) and given in known:
        return given
    shown = str(given)
    raise ConfigError(f"'{reprlib.repr(shown)[1:-1]}' {problem}{did_you_mean(shown, known)}")


def is_number(given: object) -> TypeGuard[float]:
    return isinstance(given, Real) and not isinstance(given, bool)


def kind_of(given: object) -> str:
    """Description of a wrong argument, for an error."""
    if isinstance(given, (str, Real, type(None))):
        return reprlib.repr(given)
    return f"of type {type(given).__name__}"
