"""The table of a render's options: a parser is made of it, and settings of what was parsed."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from cfg.errors import ConfigError
from cfg.reading import as_mapping, merge
from cfg.settings import Settings
from stream_pipeline.options import picture_and_files, speech_and_motion
from stream_pipeline.options.option import Nested, Option
from stream_pipeline.options.picture_and_files import ENHANCERS

SECTIONS = (*speech_and_motion.SPEECH_AND_MOTION, *picture_and_files.PICTURE_AND_FILES)
OPTIONS = tuple(option for section in SECTIONS for option in section.options)


def add_options(parser: argparse.ArgumentParser) -> None:
    """All of them, section by section."""
    for section in SECTIONS:
        group = parser.add_argument_group(section.title)
        for option in section.options:
            option.add_to(group)


def named(*names: str) -> Iterator[Option]:
    """Single options, for commands that take a few."""
    rows = {option.name: option for option in OPTIONS}
    return (rows[name] for name in names)


def overrides(parsed: argparse.Namespace) -> Nested:
    """Given options as nested settings; options that were not given are left out."""
    enhancing = any(option.given(parsed) for option in ENHANCERS if option.setting)
    if enhancing and getattr(parsed, "no_enhance", False):
        raise ConfigError("--no-enhance turns all enhancers off; remove it or the enhancer's options")
    said: Nested = {}
    for option in OPTIONS:
        said = merge(said, option.settings(parsed))
    return said


def as_shown(settings: Settings, parsed: argparse.Namespace) -> Nested:
    """Settings for YAML; what was read from a file is the file's name again."""
    shown: Nested = as_mapping(settings)
    for option in OPTIONS:
        if option.kept_as_said and option.given(parsed):
            group, _, name = option.setting.partition(".")
            shown[group][name] = getattr(parsed, option.name)
    return shown


@contextmanager
def told_by_option(parsed: argparse.Namespace) -> Iterator[None]:
    """Errors about a setting begin with the option it was given by."""
    try:
        yield
    except ConfigError as error:
        setting = str(error).partition(" ")[0]
        given = (option.flag for option in OPTIONS if option.sets(setting) and option.given(parsed))
        flag = next(given, None)
        if flag is None:
            raise
        raise ConfigError(f"{flag}: {error}") from error
