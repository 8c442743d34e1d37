"""The built-in pack: a face mesh moved and painted on a processor, from the files in `checkpoints/mini`."""

from __future__ import annotations

from cfg.settings import PackSettings
from ditto import bundled
from ditto.packs.base import AnyPack, PackTraits, erased


def _open(settings: PackSettings) -> AnyPack:
    from ditto.packs.mini.pack import MiniPack

    return erased(MiniPack(settings))


def _prepare() -> None:
    from ditto.packs.mini.paint.teeth import drawn_parts

    drawn_parts()


TRAITS = PackTraits(
    name="mini",
    open=_open,
    configuration="mini",
    conditions=frozenset({"use_emo"}),
    unused=frozenset({"motion.steps", "motion.solver", "output.match_light", "source.crop_rotate"}),
    cores=3,
    prepare=_prepare,
    verify=bundled.verify,
)
