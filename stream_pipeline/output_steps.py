"""Framing, background and enhancers, as steps that each finished picture takes."""

from __future__ import annotations

from collections.abc import Iterator

from cfg.settings import Settings
from ditto.packs.base import AnyPack
from ditto.picture.background import Backdrop
from ditto.picture.enhancers.registry import enhancers
from ditto.picture.framing import view_of
from ditto.source.avatar import AnyAvatar, AnySourceFrame
from ditto.stages.putback import Step


def picture_size(avatar: AnyAvatar, settings: Settings) -> tuple[int, int]:
    """(height, width) of the video."""
    view = view_of(avatar.first, settings.framing, settings.source)
    height, width = avatar.first.image.shape[:2] if view is None else view.size
    return height, width


def output_steps(
    pack: AnyPack, avatar: AnyAvatar, settings: Settings
) -> tuple[Iterator[AnySourceFrame], list[Step]]:
    """The source's frames, ready for what is to be done, and the steps each finished picture takes."""
    finer: list[Step] = [*enhancers(settings.enhance, pack.models)]
    view = view_of(avatar.first, settings.framing, settings.source)
    if not settings.output.background:
        return avatar.play(), finer if view is None else [*finer, lambda pose, image: view(image)]
    silhouette = pack.silhouette()
    backdrop = Backdrop(silhouette, settings.output.background, view)
    return map(silhouette.prepare, avatar.play()), [*finer, backdrop]
