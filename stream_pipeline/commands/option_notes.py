"""Options that were given and cannot change anything in this render, each in one sentence."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil

from cfg.settings import Settings
from ditto.media.level import Level
from ditto.motion.script import Script
from ditto.packs.base import PackTraits
from ditto.packs.registry import traits_of
from ditto.rates import FRAME_RATE

FOR_VIDEOS = "it is for videos, and the source is a still picture"
NO_USE = "the {pack} pack has no use for it"
NO_SQUARE = "the {pack} pack uses it with --preprocess crop and extcrop only"
NO_REGION = "it shapes the edge of a --blend-region, and none is given"
NO_ENHANCER = "there is no enhancer it could belong to; add --enhancer"


@dataclass(frozen=True, slots=True)
class Render:
    """What is known when a render begins."""

    parsed: argparse.Namespace
    settings: Settings
    still: bool  # whether the source is a picture
    frames: int  # of motion, as long as the voice
    level: Level  # of the voice

    @property
    def pack(self) -> PackTraits:
        return traits_of(self.settings.pack.name)

    @property
    def paints_square(self) -> bool:
        return self.pack.crops_face

    @property
    def squared(self) -> bool:
        return self.settings.framing.preprocess in ("crop", "extcrop")


Holds = Callable[[Render], bool]

WITHOUT_EFFECT: tuple[tuple[tuple[str, ...], Holds, str], ...] = (  # options, when, why
    (("steps",), lambda r: "motion.steps" in r.pack.unused, NO_USE),
    (("solver",), lambda r: "motion.solver" in r.pack.unused, NO_USE),
    (("match_light",), lambda r: "output.match_light" in r.pack.unused, NO_USE),
    (("crop_rotate",), lambda r: "source.crop_rotate" in r.pack.unused, NO_USE),
    (("crop_scale", "crop_vx", "crop_vy"), lambda r: not (r.paints_square or r.squared), NO_SQUARE),
    (
        ("loop", "no_face", "template_frames", "preserve_motion", "source_smoothing"),
        lambda r: r.still,
        FOR_VIDEOS,
    ),
    (("blend_feather", "match_colours"), lambda r: r.settings.blend.region == "head", NO_REGION),
    (
        ("enhancer_strength", "fidelity", "enhancer_model"),
        lambda r: r.settings.enhance.enhancer == "none",
        NO_ENHANCER,
    ),
    (("tile_size",), lambda r: not r.settings.enhance.upscaler, "there is no --background-upscaler"),
    (("fidelity",), lambda r: r.settings.enhance.enhancer == "sharpen", "it is for restorers"),
)
OTHERS: tuple[tuple[Holds, str], ...] = (
    (
        lambda r: not r.paints_square and r.parsed.preprocess == "extfull",
        "--preprocess extfull is as full here: the pack paints no square that could be wider",
    ),
    (
        lambda r: (
            not r.paints_square
            and r.parsed.blend_mode in ("strong", "replace")
            and r.settings.blend.region == "head"
        ),
        f"--blend-mode has no effect: {NO_REGION}",
    ),
    (
        lambda r: r.settings.stitch.fade_in > r.frames,
        "--fade-in is longer than the video: the motion never sets in fully",
    ),
    (
        lambda r: r.settings.stitch.fade_out > r.frames,
        "--fade-out is longer than the video: the motion ends from its first frame on",
    ),
)


def option_notes(render: Render) -> Iterator[str]:
    """What somebody who gave these options may not expect."""
    for options, holds, why in WITHOUT_EFFECT:
        given = [flag(option) for option in options if is_given(getattr(render.parsed, option))]
        if given and holds(render):
            reason = why.format(pack=render.pack.name)
            yield f"{', '.join(given)} {'has' if len(given) == 1 else 'have'} no effect: {reason}"
    heard = render.level.remark(normalised=render.settings.audio.normalise)
    if heard:
        yield heard
    yield from (words for holds, words in OTHERS if holds(render))
    yield from late_events(render.settings.stitch.controls, render.frames)


def is_given(value: object) -> bool:
    """Whether a parsed option was on the command line; 0 was."""
    return value is not None and value is not False


def late_events(controls: object, frames: int) -> Iterator[str]:
    """A script's events that begin when the voice has ended."""
    if not isinstance(controls, Script):
        return
    starts = [*(layer.start for layer in controls.layers), *(cue.start for cue in controls.cues)]
    late = [start for start in (*starts, *controls.frames) if start >= frames]
    if late:
        count = "1 event" if len(late) == 1 else f"{len(late)} events"
        yield (
            f"{count} of the script, the first at {min(late) / FRAME_RATE:g} s, "
            f"{'begins' if len(late) == 1 else 'begin'} after the voice has ended at "
            f"{ceil(100 * frames / FRAME_RATE) / 100:g} s"
        )


def flag(option: str) -> str:
    return "--" + option.replace("_", "-")
