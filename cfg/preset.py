"""Named sets of settings: a look, or how much effort is made."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from cfg.argument_checks import kind_of
from cfg.errors import ConfigError, did_you_mean
from cfg.reading import merge, parse

ORDER = (
    "default", "natural", "expressive", "professional", "fullbody", "max-quality", "balanced", "fast",
    "low-latency", "live-balanced", "steady",
)  # fmt: skip
FOLDER = files("cfg") / "presets"


def preset(names: str) -> dict[str, Any]:
    """The settings of one preset, or of several separated by commas, a later one over an earlier."""
    if not isinstance(names, str):
        raise ConfigError(f"the preset is {kind_of(names)}, but must be one of: {', '.join(ORDER)}")
    merged: dict[str, Any] = {}
    for name in names.split(","):
        merged = merge(merged, parse(_text(name.strip()), f"preset {name.strip()}"))
    return merged


def purpose(name: str) -> str:
    """Purpose of a preset, in one line."""
    return _text(name).splitlines()[0].removeprefix("#").strip()


def _text(name: str) -> str:
    if name not in ORDER:
        raise ConfigError(f"'{name}' is not a preset{did_you_mean(name, ORDER)}")
    return (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
