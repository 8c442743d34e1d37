"""Reads typed settings from a mapping or a YAML file; an unknown key is refused with the nearest name."""

from __future__ import annotations

import dataclasses
import difflib
import re
import reprlib
import types
import typing
from collections.abc import Mapping
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from cfg.argument_checks import path_of
from cfg.errors import ConfigError, did_you_mean
from cfg.keywords import PLACES
from cfg.settings import Settings
from cfg.yaml_lines import MAX_FILE_BYTES, parse_located

T = TypeVar("T")
SPELLED_TRUTHS = {"yes": True, "on": True, "no": False, "off": False}  # besides true and false
TYPE_NAMES = {Fraction: "a fraction, such as 29.97 or 30000/1001"}  # what an error calls a type
RATIONAL = r"\d{1,9}(\.\d{1,9}|/0*[1-9]\d{0,8})?"


def build(kind: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """An instance of a settings class from nested mappings."""
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where or 'settings'} is {values!r}, but must be a group of settings")
    hints = typing.get_type_hints(kind)
    known = {f.name for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    given: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{where}.{key}" if where else str(key)
        if key not in known:
            raise ConfigError(f"{name} is not a setting{elsewhere(str(key), known)}")
        given[str(key)] = _convert(hints[key], value, name)
    return kind(**given)


def elsewhere(word: str, known: set[str]) -> str:
    """Suggestion for an unknown word: the original's name of a setting, a setting of
    another group, or one of these."""
    group, name = PLACES.get(word, ("", word))
    if name != word:
        return f"; its name here is {group}.{name}"
    groups = {f.name: f.default_factory for f in dataclasses.fields(Settings)}
    homes: dict[str, list[str]] = {}
    for group, kind in groups.items():
        for entry in dataclasses.fields(kind):  # type: ignore[arg-type]
            homes.setdefault(entry.name, []).append(group)
    near = difflib.get_close_matches(word, [*known, *homes], n=1)
    if not near or near[0] in known:
        return did_you_mean(word, known)
    places = " or ".join(f"{group}={{'{near[0]}': …}}" for group in homes[near[0]])
    return f" of this group; did you mean {places}?"


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings laid over each other; `over` wins."""
    merged = dict(base)
    for key, value in over.items():
        under = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(under, Mapping)
        merged[key] = merge(under, value) if both else value  # type: ignore[arg-type]
    return merged


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; {} for an empty one."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError(f"{path}: {path.stat().st_size} bytes are too many for a configuration")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as a configuration: {error}") from error
    return parse(text, str(path))


def configurations() -> list[str]:
    """Names of the configurations that come with the package."""
    folder = files("cfg") / "packs"
    return sorted(e.name.removesuffix(".yaml") for e in folder.iterdir() if e.name.endswith(".yaml"))


def built_in(name: str) -> dict[str, Any]:
    """A configuration that comes with the package: mini, ditto_torch, ditto_onnx, ditto_trt, …"""
    if name not in configurations():
        raise ConfigError(f"'{name}' is not a configuration{did_you_mean(name, configurations())}")
    return parse((files("cfg") / "packs" / f"{name}.yaml").read_text(encoding="utf-8"), name)


def load(config: str | Path | Mapping[str, Any] = "mini", **over: Any) -> Settings:
    """Settings from a built-in name, a YAML file or a mapping, with nested overrides laid on top."""
    if isinstance(config, Mapping):
        values = dict(config)
    elif str(path_of(config, "configuration")).endswith((".yaml", ".yml")):
        values = read_yaml(Path(config))
    else:
        values = built_in(str(config))
    return build(Settings, merge(values, over))


def as_mapping(settings: object) -> Any:
    """Settings as plain nested mappings and lists, ready for YAML."""
    if dataclasses.is_dataclass(settings) and not isinstance(settings, type):
        return {f.name: as_mapping(getattr(settings, f.name)) for f in dataclasses.fields(settings)}
    if isinstance(settings, Mapping):
        return {key: as_mapping(value) for key, value in settings.items()}
    if isinstance(settings, Fraction):
        return str(settings)
    if isinstance(settings, (list, tuple)):
        return [as_mapping(value) for value in settings]
    return settings


def parse(text: str, where: str) -> dict[str, Any]:
    """The mapping in a YAML text; {} for an empty one."""
    values = parse_located(text, where).plain()
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{where}: expected groups of settings, found {type(values).__name__}")
    return values


def parse_value(text: str) -> Any:
    """A number, a truth, a list or a text, as YAML reads it; raises ConfigError."""
    return parse_located(text, "value").plain() if text.strip() else None


def _convert(hint: Any, value: object, name: str) -> object:
    if hint is Any:
        return value
    if dataclasses.is_dataclass(hint):
        return value if isinstance(value, hint) else build(hint, value, name)  # type: ignore[arg-type]
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(typing.get_args(hint), value, name)
    if origin is tuple:
        return _convert_tuple(typing.get_args(hint), value, name)
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{name} is {reprlib.repr(value)}, but must be a group of settings")
        inner = typing.get_args(hint)[1]
        return {key: _convert(inner, entry, f"{name}.{key}") for key, entry in value.items()}
    if hint is bool and isinstance(value, str) and value.lower() in SPELLED_TRUTHS:
        return SPELLED_TRUTHS[value.lower()]
    if hint is Fraction:
        return _fraction(value, name)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    raise ConfigError(f"{name} is {reprlib.repr(value)}, but must be of type {hint.__name__}")


def _fraction(value: object, name: str) -> Fraction:
    """29.97, '29.97' and '30000/1001' as what they say."""
    if isinstance(value, Fraction):
        return value
    if isinstance(value, (int, float, str)) and re.fullmatch(RATIONAL, str(value)):
        return Fraction(str(value))
    raise ConfigError(f"{name} is {reprlib.repr(value)}, but must be a number or a fraction")


def _convert_union(hints: tuple[Any, ...], value: object, name: str) -> object:
    if value is None and type(None) in hints:
        return None
    wanted = [h for h in hints if h is not type(None)]
    for hint in wanted:
        try:
            return _convert(hint, value, name)
        except ConfigError:
            continue
    kinds = " or ".join(TYPE_NAMES.get(h, getattr(h, "__name__", str(h))) for h in wanted)
    raise ConfigError(f"{name} is {reprlib.repr(value)}, but must be of type {kinds}")


def _convert_tuple(hints: tuple[Any, ...], value: object, name: str) -> object:
    if not isinstance(value, (list, tuple)):
        raise ConfigError(f"{name} is {reprlib.repr(value)}, but must be a list")
    if len(hints) == 2 and hints[1] is Ellipsis:
        return tuple(_convert(hints[0], v, f"{name}[{i}]") for i, v in enumerate(value))
    if len(hints) != len(value):
        raise ConfigError(f"{name} has {len(value)} entries, but needs {len(hints)}")
    return tuple(_convert(h, v, f"{name}[{i}]") for i, (h, v) in enumerate(zip(hints, value, strict=True)))
