"""`ditto config`: the settings in force, with where they come from laid on top of each other."""

from __future__ import annotations

import argparse
import sys

import yaml

from cfg.reading import as_mapping, load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("show",))
    parser.add_argument("--config", default="mini", metavar="NAME|FILE", help="built-in name or YAML file")


def config(parsed: argparse.Namespace) -> int:
    yaml.safe_dump(as_mapping(load(parsed.config)), sys.stdout, sort_keys=False)
    return 0
