"""Conditions for an option to change anything in a render."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from cfg.settings import Settings
from ditto.media.level import Level
from ditto.packs.base import PackTraits
from ditto.packs.registry import traits_of


@dataclass(frozen=True, slots=True)
class Render:
    """Facts about a render that is about to begin."""

    parsed: argparse.Namespace
    settings: Settings
    still: bool  # whether the source is a picture
    frames: int  # of motion, as long as the voice
    level: Level  # of the voice

    @property
    def pack(self) -> PackTraits:
        return traits_of(self.settings.pack.name)

    @property
    def crops_face(self) -> bool:
        """Whether the square around the face shapes what is painted or shown."""
        return self.pack.crops_face or self.settings.framing.preprocess in ("crop", "extcrop")


@dataclass(frozen=True, slots=True)
class Effect:
    """A condition, and what is said where it does not hold; `{pack}` is filled in."""

    holds: Callable[[Render], bool]
    otherwise: str
    page: str  # the same in docs/options.md, where `{square}` are packs that paint a square around the face


VIDEO_SOURCE = Effect(
    lambda r: not r.still,
    "it is for videos, and the source is a still picture",
    "For video sources only",
)
FACE_SQUARE = Effect(
    lambda r: r.crops_face,
    "the {pack} pack uses it with --preprocess crop and extcrop only",
    "In {square}, and with `--preprocess crop` or `extcrop`",
)
WIDER_SQUARE = Effect(
    lambda r: r.pack.crops_face or r.settings.framing.preprocess != "extfull",
    "extfull is as full here, as the {pack} pack paints no square that could be wider",
    "`extfull` differs from `full` in {square}",
)
REGION = "it shapes the edge of a --blend-region, and none is given"
BLEND_REGION = Effect(
    lambda r: r.settings.blend.region != "head",
    REGION,
    "With a `--blend-region` only",
)
BLEND_EDGE = Effect(
    lambda r: (
        r.pack.crops_face
        or r.settings.blend.region != "head"
        or r.settings.blend.mode not in ("strong", "replace")
    ),
    REGION,
    "`strong` and `replace` need a `--blend-region`, but in {square}",
)
CUT_OUT = Effect(
    lambda r: not r.pack.crops_face or bool(r.settings.output.background),
    "the {pack} pack cuts nobody out without --background",
    "In {square} with a `--background` only",
)
ENHANCER = Effect(
    lambda r: r.settings.enhance.enhancer != "none",
    "there is no enhancer it could belong to; add --enhancer",
    "With an `--enhancer` only",
)
RESTORER = Effect(
    lambda r: r.settings.enhance.enhancer != "sharpen",
    "it is for restorers",
    "For enhancers that restore faces only",
)
UPSCALER = Effect(
    lambda r: bool(r.settings.enhance.upscaler),
    "there is no --background-upscaler",
    "With a `--background-upscaler` only",
)
