"""The command line: one file a command, one place for errors and exit codes."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence

from cfg.errors import Cancelled, DittoError

FAILED = 1
STOPPED = 130  # by Ctrl-C, as shells count it

AddArguments = Callable[[argparse.ArgumentParser], None]
Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """`ditto-engine COMMAND …`, also `python -m ditto COMMAND …`."""
    from stream_pipeline.commands import config, demo, doctor, download, render

    commands: dict[str, tuple[str, AddArguments, Command]] = {
        "render": ("a portrait and a voice to a video", render.add_arguments, render.render),
        "demo": ("render the bundled portrait and speech", demo.add_arguments, demo.demo),
        "doctor": (
            "what this machine can run, and what to install for more",
            doctor.add_arguments,
            doctor.doctor,
        ),
        "config": ("show the settings in force", config.add_arguments, config.config),
        "download": ("fetch the official checkpoints", download.add_arguments, download.download),
    }
    parser = argparse.ArgumentParser(prog="ditto", description="Talking heads from a portrait and a voice.")
    choices = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (purpose, add_arguments, command) in commands.items():
        chosen = choices.add_parser(name, help=purpose, description=purpose)
        add_arguments(chosen)
        chosen.set_defaults(run=command)
    parsed = parser.parse_args(arguments)
    return guarded(parsed.run, parsed)


def run_command(
    program: str,
    purpose: str,
    add_arguments: AddArguments,
    command: Command,
    arguments: Sequence[str] | None,
) -> int:
    """A program that is one command."""
    parser = argparse.ArgumentParser(prog=program, description=purpose)
    add_arguments(parser)
    return guarded(command, parser.parse_args(arguments))


def guarded(command: Command, parsed: argparse.Namespace) -> int:
    """The exit code of a command; an error of ours is one line on standard error."""
    logging.basicConfig(
        level=os.environ.get("DITTO_LOG", "WARNING").upper(), format="%(levelname)s: %(message)s"
    )
    try:
        return command(parsed)
    except (KeyboardInterrupt, Cancelled):
        print("stopped", file=sys.stderr)
        return STOPPED
    except DittoError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return FAILED
