"""Traits of the built-in pack."""

from __future__ import annotations

from ditto.packs.base import PackTraits

TRAITS = PackTraits(
    name="mini",
    configuration="mini",
    conditions=frozenset({"use_emo"}),
    unused=frozenset({"motion.steps", "motion.solver", "output.match_light", "source.crop_rotate"}),
    cores=3,
)
