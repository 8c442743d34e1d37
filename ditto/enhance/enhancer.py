"""The enhancers there are, by name; others join by an entry point of the group `ditto.enhancers`."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol

from cfg.errors import ConfigError, did_you_mean
from cfg.settings import ENHANCERS, EnhanceSettings
from ditto.messages import Image, Pose
from model_formats.shared import SharedModels

GROUP = "ditto.enhancers"


class Enhancer(Protocol):
    """A finer picture of the same size. One stream's own: it may remember the frame before."""

    def __call__(self, pose: Pose, image: Image) -> Image: ...


Factory = Callable[[EnhanceSettings, SharedModels], Enhancer]


def enhancers(settings: EnhanceSettings, models: SharedModels) -> list[Enhancer]:
    """What the settings ask for, in the order it is applied: the picture around, then the face.

    They are one stream's own; the networks behind them are opened once, in `models`.
    """
    wanted: list[Enhancer] = []
    if settings.upscaler:
        from ditto.enhance.upscale import Upscaled

        wanted.append(Upscaled.opened(settings, models))
    if settings.enhancer != "none" and settings.strength > 0:
        wanted.append(factory(settings.enhancer)(settings, models))
    return wanted


def factory(name: str) -> Factory:
    """The maker of an enhancer."""
    if name == "sharpen":
        from ditto.enhance.sharpen import Sharpened

        return lambda settings, models: Sharpened(settings.strength)
    if name in ENHANCERS:
        from ditto.enhance.restore import Restored

        return Restored.opened
    found = plugged(name)
    if found is None:
        others = {entry.name for entry in entry_points(group=GROUP)}
        raise ConfigError(f"'{name}' is not an enhancer{did_you_mean(name, {*ENHANCERS, *others})}")
    made: Factory = found.load()
    return made


def plugged(name: str) -> EntryPoint | None:
    return next(iter(entry_points(group=GROUP, name=name)), None)
