"""Builds settings from a name, a YAML file, a mapping or the official layout, and merges overrides."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path

from cfg.argument_checks import mapping_of, path_of
from cfg.errors import ConfigError, did_you_mean
from cfg.official import read_official
from cfg.reading import build, configurations, load, merge
from cfg.settings import Settings
from ditto.packs.registry import names, traits_of
from stream_pipeline.keywords import KNOWN_KEYWORDS, nested

log = logging.getLogger(__name__)


def settings_of(
    config: str | Path | Mapping[str, object],
    *,
    data_root: str | Path | None = None,
    cfg_pkl: str | Path | None = None,
    over: Mapping[str, object],
) -> Settings:
    """Settings by any of the ways in: a name, a YAML file, a mapping, or the official layout."""
    if data_root is not None:
        data_root = path_of(data_root, "data_root")
    if cfg_pkl is not None:
        return official_settings(path_of(cfg_pkl, "cfg_pkl"), data_root, over)
    if isinstance(config, str) and not config.endswith((".yaml", ".yml")):
        config = named_configuration(config)
    if data_root is None:
        return load(config, **over)
    settings = load(config, **merge({"pack": {"root": str(data_root)}}, over))
    if not traits_of(settings.pack.name).has_files:
        raise ConfigError(
            "--data_root is for the official checkpoints; add --cfg_pkl FILE or --config ditto_torch"
        )
    return settings


def named_configuration(name: str) -> str | Mapping[str, object]:
    """The configuration of a name, which may be that of a pack."""
    if name in configurations():
        return name
    if name in names():
        return traits_of(name).configuration or {"pack": {"name": name}}
    raise ConfigError(f"'{name}' is not a configuration{did_you_mean(name, [*configurations(), *names()])}")


def official_settings(cfg_pkl: Path, data_root: str | Path | None, over: Mapping[str, object]) -> Settings:
    """Settings for the official layout, the defaults in its pickle included."""
    if data_root is None:
        raise ConfigError("--cfg_pkl needs --data_root, the folder its model files lie in")
    found = read_official(cfg_pkl, Path(data_root))
    defaults = found["default_kwargs"]
    strange = sorted(key for key in defaults if key not in KNOWN_KEYWORDS)
    if strange:
        log.warning("%s: default_kwargs has %s, which nothing here uses", cfg_pkl, ", ".join(strange))
    values = merge(
        {"pack": found["pack"]}, nested({k: v for k, v in defaults.items() if k in KNOWN_KEYWORDS})
    )
    flags = {k: v for k, v in found["flags"].items() if k.startswith("use_")}
    values = merge(values, {"condition": flags})
    return build(Settings, merge(values, over))


def laid_over(settings: Settings, over: Mapping[str, object]) -> Settings:
    """Settings with nested ones laid on top."""
    values = vars_of(settings)
    for name, group in over.items():
        known = name in values and isinstance(group, Mapping)
        values[name] = merge(vars_of(values[name]), mapping_of(group, name)) if known else group
    return build(Settings, values)


def vars_of(settings: object) -> dict[str, object]:
    """A settings group by the names of its fields."""
    assert is_dataclass(settings)
    return {field.name: getattr(settings, field.name) for field in fields(settings)}
