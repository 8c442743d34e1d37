"""The official Ditto pack: the published networks, in the files that a user downloads."""

from __future__ import annotations

from cfg.settings import PackSettings
from ditto.packs.base import AnyPack, PackTraits, erased


def _open(settings: PackSettings) -> AnyPack:
    from ditto.packs.official.pack import OfficialPack

    return erased(OfficialPack(settings))


TRAITS = PackTraits(
    name="ditto",
    open=_open,
    configuration="ditto_torch",
    has_files=True,
    devices=("cpu", "cuda"),
    precisions=("fp32", "tf32", "fp16", "bf16"),
    conditions=frozenset({"use_emo", "use_sc", "use_eye_open", "use_eye_ball"}),
    crops_face=True,
)
