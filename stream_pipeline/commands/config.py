"""`ditto config`: the settings that a render with the same options would use."""

from __future__ import annotations

import argparse
import sys

import yaml

from stream_pipeline.commands import render
from stream_pipeline.options.table import as_shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("show",))
    render.add_arguments(parser)


def config(parsed: argparse.Namespace) -> int:
    """Prints them as YAML, which `--config` reads again."""
    yaml.safe_dump(as_shown(render.settings_from(parsed), parsed), sys.stdout, sort_keys=False)
    return 0
