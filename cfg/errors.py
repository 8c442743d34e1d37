"""The error family: what happened, where, and what to do about it."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterable

MAX_ITEM_LETTERS = 200  # letters of the item a stage was working on


class DittoError(Exception):
    """Anything the user can act on, said in one line that is safe to print."""

    def __str__(self) -> str:
        return in_one_line(super().__str__())


class ConfigError(DittoError):
    """A setting that is unknown, of the wrong type or out of range."""


class ModelError(DittoError):
    """A model file that is missing, broken, or not runnable on this machine."""


class MediaError(DittoError):
    """A sound, picture or video that cannot be read or written."""


class NoFaceError(MediaError):
    """A picture in which no usable face was found."""


class StageError(DittoError):
    """A stage that failed, named together with the item it was working on."""

    def __init__(self, stage: str, at: object, cause: BaseException) -> None:
        self.stage = stage
        self.at = textwrap.shorten(str(at), MAX_ITEM_LETTERS, placeholder=" …")
        super().__init__(f"stage '{stage}' failed at {self.at}: {words_of(cause)}")
        self.__cause__ = cause


class Cancelled(DittoError):
    """The caller stopped the work before it was done."""


def in_one_line(text: str) -> str:
    """The text with its lines joined, and with signs that would steer a terminal written out."""
    line = " ".join(part.strip() for part in text.splitlines()) if not text.isprintable() else text
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in line)


def words_of(error: BaseException) -> str:
    """Message of an error; its type where it has none, or is an exit (`SystemExit: 3`)."""
    said = str(error)
    if said and isinstance(error, Exception):
        return said
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """`; did you mean 'overlap'?`, or the list of what is known."""
    choices = sorted(known)
    near = difflib.get_close_matches(str(word), choices, n=1, cutoff=0.5)
    return f"; did you mean '{near[0]}'?" if near else f"; known are: {', '.join(choices)}"
