"""The official Ditto pack: the published networks, in the files that a user downloads."""

from __future__ import annotations

from cfg.settings import PackSettings
from ditto.packs.base import AnyPack, PackPlugin, erased
from ditto.packs.official.traits import TRAITS


def _open(settings: PackSettings) -> AnyPack:
    from ditto.packs.official.pack import OfficialPack

    return erased(OfficialPack(settings))


PLUGIN = PackPlugin(traits=TRAITS, open=_open)
