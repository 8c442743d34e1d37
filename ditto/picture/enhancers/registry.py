"""The enhancers there are, by name; others join by an entry point of the group `ditto.enhancers`."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol

from cfg.errors import ConfigError, did_you_mean
from cfg.settings import ENHANCERS, EnhanceSettings
from ditto.arrays import Image
from ditto.picture.enhancers.networks import onnx_file, restorer_file
from ditto.stages.messages import Pose
from model_formats.shared import SharedModels

GROUP = "ditto.enhancers"
RESTORERS = ("gfpgan", "restoreformer", "codeformer")


class Enhancer(Protocol):
    """A finer picture of the same size. One stream's own: it may remember the frame before."""

    def __call__(self, pose: Pose[object], image: Image) -> Image: ...


Factory = Callable[[EnhanceSettings, SharedModels], Enhancer]


def enhancers(settings: EnhanceSettings, models: SharedModels) -> list[Enhancer]:
    """Enhancers that the settings ask for, in the order they are applied: the picture, then the face.

    They are one stream's own; the networks behind them are opened once, in `models`.
    """
    wanted: list[Enhancer] = []
    if settings.upscaler:
        from ditto.picture.enhancers.upscale import Upscaled

        wanted.append(Upscaled.opened(settings, models))
    if settings.enhancer != "none" and settings.strength > 0:
        wanted.append(factory(settings.enhancer)(settings, models))
    return wanted


def check_enhancers(settings: EnhanceSettings) -> None:
    """Raises ConfigError or MediaError where an enhancer, or the file of one, is not there."""
    if settings.upscaler:
        onnx_file(settings.upscaler, "upscaler")
    if settings.enhancer in RESTORERS:
        restorer_file(settings)
    elif settings.enhancer not in ENHANCERS:
        check_plugged(settings.enhancer)


def factory(name: str) -> Factory:
    """The maker of an enhancer."""
    if name == "sharpen":
        from ditto.picture.enhancers.sharpen import Sharpened

        return lambda settings, models: Sharpened(settings.strength)
    if name in ENHANCERS:
        from ditto.picture.enhancers.restore import Restored

        return Restored.opened
    made: Factory = check_plugged(name).load()
    return made


def check_plugged(name: str) -> EntryPoint:
    """Another package's enhancer."""
    found = next(iter(entry_points(group=GROUP, name=name)), None)
    if found is None:
        others = {entry.name for entry in entry_points(group=GROUP)}
        raise ConfigError(f"'{name}' is not an enhancer{did_you_mean(name, {*ENHANCERS, *others})}")
    return found
