"""Reads one entry of a script, key by key; each error names its line."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Iterator
from typing import NoReturn, TypeVar

from cfg.argument_checks import word_of
from cfg.errors import ConfigError, did_you_mean
from cfg.yaml_lines import Located
from ditto.motion.control_layers import Control
from ditto.motion.controls import checked, number
from ditto.motion.timeline import EASES, moment

Read = TypeVar("Read")

SPAN = ("at", "from", "for", "to")


class Entry:
    """One entry of a group: keys are taken from it, and what is left over is unknown."""

    def __init__(self, node: Located, group: str, known: tuple[str, ...]) -> None:
        self.node = node
        self.group = group
        if not isinstance(node.value, dict):
            self.fail(node, f"{reprlib.repr(node.plain())} stands alone; write {{{', '.join(known[:3])}, …}}")
        for name, value in node.value.items():
            if name not in known:
                self.fail(value, f"'{name}' is not a key of it{did_you_mean(name, known)}")

    def fail(self, at: Located, message: str) -> NoReturn:
        at.fail(f"{self.group}: {message}")

    def has(self, name: str) -> bool:
        return name in self.node.value

    def wanted(self, name: str, reading: Callable[[object], Read]) -> Read:
        """The value of a key that is there, read; its own line is named where it cannot be."""
        given = self.node.value[name]
        try:
            return reading(given.plain())
        except ConfigError as error:
            self.fail(given, f"{error}")

    def get(self, name: str, reading: Callable[[object], Read], usual: Read) -> Read:
        """A key's value, read, or what is usual where it is not given."""
        return self.wanted(name, reading) if self.has(name) else usual

    def number(self, name: str, usual: float) -> float:
        return self.get(name, lambda value: number(name, value), usual)

    def frames(self, name: str, usual: float) -> float:
        return self.get(name, moment, usual)

    def ease(self) -> str:
        return self.get("ease", ease_named, "smooth")

    def start(self) -> float:
        if self.has("at") == self.has("from"):
            self.fail(self.node, "when? Write one of 'at' and 'from'")
        return self.frames("at" if self.has("at") else "from", 0.0)

    def end(self, start: float) -> float:
        """Infinite where it is not said."""
        if self.has("for") and self.has("to"):
            self.fail(self.node, "'for' and 'to' both say when it ends; write one of them")
        end = start + self.frames("for", math.inf) if self.has("for") else self.frames("to", math.inf)
        if end <= start:
            self.fail(self.node, "it ends before it begins")
        return end


def ease_named(name: object) -> str:
    return word_of(name, EASES, "is not a way to ease")


def controls_of(node: Located, what: str, without: tuple[str, ...] = ()) -> dict[str, Control]:
    """Checked controls of a group of them; each error at the control's own line."""
    if not isinstance(node.value, dict):
        try:
            return checked(node.plain(), what)
        except ConfigError as error:
            node.fail(str(error))
    found: dict[str, Control] = {}
    for name, value in node.value.items():
        if name in without:
            continue
        try:
            found.update(checked({name: value.plain()}, what))
        except ConfigError as error:
            value.fail(str(error))
    return found


def entries(node: Located, group: str, known: tuple[str, ...]) -> Iterator[Entry]:
    if not isinstance(node.value, list):
        node.fail(f"{group}: expected a list: each entry on its own line, after '- '")
    for entry in node.value:
        yield Entry(entry, group, known)
