"""Registry of packs: the built-in ones, and those of other packages.

A package brings one by an entry point of the group `ditto.packs` that names its `PackPlugin`.
"""

from __future__ import annotations

from importlib import import_module

from cfg.errors import ConfigError, did_you_mean
from cfg.plugins import PluginGroup
from cfg.settings import Settings
from ditto.packs.base import AnyPack, PackPlugin, PackTraits

PLUGINS = PluginGroup("ditto.packs", "pack", PackPlugin)
BUILT_IN = {"mini": "ditto.packs.mini.plugin", "ditto": "ditto.packs.official.plugin"}


def names() -> list[str]:
    """All packs, the built-in ones first."""
    return [*BUILT_IN, *(name for name in PLUGINS.packages() if name not in BUILT_IN)]


def plugin(name: str) -> PackPlugin:
    """A pack by its name."""
    if name in BUILT_IN:
        built_in: PackPlugin = import_module(BUILT_IN[name]).PLUGIN
        return built_in
    found = PLUGINS.load(name)
    if found is None:
        known = names()
        raise ConfigError(
            f"pack.name is '{name}', but must be one of: {', '.join(known)}{did_you_mean(name, known)}"
        )
    return found


def traits_of(name: str) -> PackTraits:
    """Traits of a pack by its name."""
    return plugin(name).traits


def open_pack(settings: Settings) -> AnyPack:
    """The pack the settings name, its networks open."""
    wanted = settings.pack
    found = plugin(wanted.name)
    traits = found.traits
    kind = wanted.device.partition(":")[0]
    if kind not in traits.devices:
        known = " or ".join(f"'{device}'" for device in traits.devices)
        raise ConfigError(f"pack.device is '{wanted.device}', but the pack '{wanted.name}' runs on {known}")
    if wanted.precision not in traits.precisions:
        raise ConfigError(
            f"pack.precision is '{wanted.precision}', but the pack '{wanted.name}' computes in "
            f"{' or '.join(traits.precisions)}"
        )
    return found.open(wanted)
