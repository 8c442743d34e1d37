"""An option of the command line: what it is called, what it sets, and when it changes anything."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cfg.frame_rates import shown_rate
from cfg.settings import Settings
from stream_pipeline.options.effects import Effect, Render

DEFAULTS = Settings()
Nested = dict[str, dict[str, Any]]  # settings by group and name


def as_said(value: object) -> object:
    """The setting that needs no other form than the option has."""
    return value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Option:
    """A row of the table."""

    flags: tuple[str, ...]  # short ones first; the first long one names it in messages
    help: str  # one line
    dest: str = ""  # name of the value, where it is not that of the flag
    setting: str = ""  # it stands for, such as 'motion.seed'; '' is none
    switch: bool = False  # takes no value
    many: bool = False  # takes several values
    type: Callable[[str], Any] = str  # of a path that is written it is `WrittenPath`
    choices: tuple[str, ...] = ()
    metavar: str = ""
    without_value: Any = None  # the value where none is given; None demands one
    to_setting: Callable[[Any], Any] = as_said  # from what was said to the setting
    stands_for: Mapping[str, Mapping[str, Any]] | None = None  # settings that a switch sets
    kept_as_said: bool = False  # `config show` prints what was said, not what was read from there
    effects: tuple[Effect, ...] = ()  # conditions for it to change anything
    default: str = ""  # to be told where the setting's own default does not say it
    more: str = ""  # further Markdown on the page
    measured: str = ""  # the effect in numbers, for the page

    @property
    def flag(self) -> str:
        return next(flag for flag in self.flags if flag.startswith("--"))

    @property
    def name(self) -> str:
        """Of the value among parsed ones."""
        return self.dest or self.flag.removeprefix("--").replace("-", "_")

    def add_to(self, parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
        """The option as argparse has it, with underscores or dashes."""
        names = dict.fromkeys(name for flag in self.flags for name in (flag, *spellings(flag)))
        words: dict[str, Any] = {"dest": self.name, "help": self.help_with_default()}
        if self.switch:
            parser.add_argument(*names, action="store_true", **words)
            return
        if self.without_value is not None:
            words |= {"nargs": "?", "const": self.without_value}
        elif self.many:
            words["nargs"] = "+"
        parser.add_argument(
            *names,
            type=self.type,
            choices=self.choices or None,
            metavar=self.metavar or None,
            **words,
        )

    def help_with_default(self) -> str:
        usual = self.shown_default()
        return f"{self.help} (default {usual})" if usual else self.help

    def shown_default(self) -> str:
        """Default in words; '' where it is not worth saying."""
        if self.default or not self.setting or self.switch:
            return self.default
        group, _, name = self.setting.partition(".")
        value = getattr(getattr(DEFAULTS, group), name)
        if value is None or (isinstance(value, (bool, str, tuple, Mapping)) and not value):
            return ""
        if name == "fps":
            return shown_rate(value)
        return f"{value:g}" if isinstance(value, (int, float)) else str(value)

    def given(self, parsed: argparse.Namespace) -> bool:
        """Whether it was on the command line; 0 was."""
        value = getattr(parsed, self.name, None)
        return value is not None and value is not False

    def settings(self, parsed: argparse.Namespace) -> Nested:
        """The settings it was given for."""
        if not self.given(parsed):
            return {}
        if self.stands_for is not None:
            return {group: dict(values) for group, values in self.stands_for.items()}
        group, _, name = self.setting.partition(".")
        return {group: {name: self.to_setting(getattr(parsed, self.name))}} if name else {}

    def sets(self, setting: str) -> bool:
        group, _, name = setting.partition(".")
        return setting == self.setting or name in (self.stands_for or {}).get(group, {})

    def no_effect(self, render: Render) -> str:
        """The reason why it changes nothing in this render; '' where it may."""
        if self.setting in render.pack.unused:
            return "the {pack} pack has no use for it"
        return next((effect.otherwise for effect in self.effects if not effect.holds(render)), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Options that belong together, in help and on the page."""

    title: str
    options: tuple[Option, ...]


def spellings(flag: str) -> tuple[str, ...]:
    """A long flag with dashes, and with the underscores that other programs have."""
    word = flag[2:]
    return (f"--{word.replace('_', '-')}", f"--{word.replace('-', '_')}") if flag.startswith("--") else ()
