"""Parsers of the command line: one line for what is wrong, and the commands there are."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NoReturn

from cfg.errors import ConfigError, did_you_mean
from cfg.plugins import PluginGroup

AddArguments = Callable[[argparse.ArgumentParser], None]
Command = Callable[[argparse.Namespace], int]


@dataclass(frozen=True)
class CommandPlugin:
    """A command. Another package brings one by an entry point of the group `ditto.commands`."""

    purpose: str  # one line, for -h
    add_arguments: AddArguments
    run: Command  # gives the exit code


OURS = "ditto-engine"  # whose rooms above this one bring commands in the same way
PLUGINS = PluginGroup("ditto.commands", "command", CommandPlugin)


class HelpFormatter(argparse.HelpFormatter):
    """Lists an option once where it may be spelled with dashes or with underscores."""

    def _format_action_invocation(self, action: argparse.Action) -> str:
        every = list(action.option_strings)
        once = {name.replace("_", "-"): name for name in reversed(every)}
        shown = copy(action)
        shown.option_strings = [name for name in every if name in once.values()]
        return super()._format_action_invocation(shown)


class Parser(argparse.ArgumentParser):
    """Says what is wrong with an option as every other error is said: one line, with the next step."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **{"formatter_class": HelpFormatter, **more})

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message.removeprefix('argument ')}; '{self.prog} -h' shows all options")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        parsed, rest = super().parse_known_args(args, namespace)
        for word in rest:
            dashed = [option for option in self._option_string_actions if "_" not in option]
            near = get_close_matches(word.partition("=")[0].replace("_", "-"), dashed, n=1)
            self.error(f"{word} is not an option" + (f"; did you mean '{near[0]}'?" if near else ""))
        return parsed, rest

    def _get_option_tuples(self, option_string: str) -> list[Any]:
        """The options that an abbreviation stands for; two spellings of one are no ambiguity."""
        found: list[Any] = super()._get_option_tuples(option_string)
        return found[:1] if len({id(action) for action, *_ in found}) == 1 else found


class CommandParser(Parser):
    """A program of many commands: its own, and those of other packages.

    Others are looked for only where the word is no command of its own, and of other packages only the one
    named is imported.
    """

    def __init__(self, program: str, purpose: str, commands: dict[str, CommandPlugin]) -> None:
        super().__init__(prog=program, description=purpose)
        self._choices = self.add_subparsers(
            dest="command", required=True, metavar="COMMAND", parser_class=Parser
        )
        for name, command in commands.items():
            fill(self._choices.add_parser(name, help=command.purpose), command)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        given = list(sys.argv[1:] if args is None else args)
        if given and given[0] not in self._choices.choices:
            self._add_others(given[0])
        return super().parse_known_args(given, namespace)

    def _add_others(self, word: str) -> None:
        known = self._choices.choices
        others = {name: package for name, package in PLUGINS.packages().items() if name not in known}
        for name, package in others.items():
            command = PLUGINS.load(name) if name == word or package == OURS else None
            known_purpose = command.purpose if command is not None and package == OURS else None
            added = self._choices.add_parser(name, help=known_purpose or f"from the package {package}")
            if command is not None:
                fill(added, command)
        if word not in known and not word.startswith("-"):
            self.error(f"'{word}' is not a command{did_you_mean(word, known)}")


def fill(parser: Parser, command: CommandPlugin) -> None:
    """Makes a parser that of a command."""
    parser.description = command.purpose
    command.add_arguments(parser)
    parser.set_defaults(run=command.run)
