"""`ditto config`: the settings that a render with the same options would use."""

from __future__ import annotations

import argparse
import sys

import yaml

from cfg.reading import as_mapping
from stream_pipeline.commands import render


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("show",))
    render.add_arguments(parser)


def config(parsed: argparse.Namespace) -> int:
    """Prints them as YAML, which `--config` reads again."""
    shown = as_mapping(render.settings_from(parsed))
    if parsed.ctrl:
        shown["stitch"]["controls"] = parsed.ctrl
    yaml.safe_dump(shown, sys.stdout, sort_keys=False)
    return 0
