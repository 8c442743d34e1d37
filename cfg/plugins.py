"""Plug-ins: what other packages bring by entry points, found by name and imported when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from cfg.errors import ConfigError

Plugin = TypeVar("Plugin")


@dataclass(frozen=True)
class PluginGroup(Generic[Plugin]):
    """One group of entry points."""

    name: str  # as a package's pyproject.toml says it: ditto.packs
    noun: str  # what one of them is called in an error
    kind: type[Plugin]  # what each of them must be

    def packages(self) -> Mapping[str, str]:
        """Each plug-in's name and the package that brings it; none is imported."""
        found = sorted(entry_points(group=self.name), key=lambda point: point.name)
        return {point.name: point.dist.name if point.dist else point.module for point in found}

    def load(self, name: str) -> Plugin | None:
        """The plug-in of a name; None where no package brings one."""
        points = [*entry_points(group=self.name, name=name)]
        if not points:
            return None
        if len(points) > 1:
            raise ConfigError(
                f"{self.noun} '{name}' is brought by several packages; uninstall all but one of them"
            )
        return self._imported(*points)

    def _imported(self, point: EntryPoint) -> Plugin:
        what = f"{self.noun} '{point.name}'"
        try:
            brought = point.load()
        except Exception as error:
            raise ConfigError(f"{what} ({point.value}) cannot be imported: {error}") from error
        if not isinstance(brought, self.kind):
            raise ConfigError(
                f"{what}: {point.value} must be a {self.kind.__name__}, not {type(brought).__name__}"
            )
        return brought
