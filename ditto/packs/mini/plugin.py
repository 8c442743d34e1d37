"""The built-in pack: a face mesh moved and painted on a processor, from the files in `checkpoints/mini`."""

from __future__ import annotations

from cfg.settings import PackSettings
from ditto import bundled
from ditto.packs.base import AnyPack, PackPlugin, erased
from ditto.packs.mini.traits import TRAITS


def _open(settings: PackSettings) -> AnyPack:
    from ditto.packs.mini.pack import MiniPack

    return erased(MiniPack(settings))


def _prepare() -> None:
    from ditto.packs.mini.paint.teeth import drawn_parts

    drawn_parts()


PLUGIN = PackPlugin(traits=TRAITS, open=_open, prepare=_prepare, verify=bundled.verify)
