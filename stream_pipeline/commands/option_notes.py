"""Options that were given and cannot change anything in this render, each in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from ditto.motion.script import Script
from ditto.rates import FRAME_RATE
from stream_pipeline.options.effects import Render
from stream_pipeline.options.table import OPTIONS


def option_notes(render: Render) -> Iterator[str]:
    """Notes on given options that may surprise."""
    idle: dict[str, list[str]] = {}  # options without effect by the reason
    for option in OPTIONS:
        if option.given(render.parsed) and (reason := option.no_effect(render)):
            idle.setdefault(reason, []).append(option.flag)
    for reason, flags in idle.items():
        has = "has" if len(flags) == 1 else "have"
        yield f"{', '.join(flags)} {has} no effect: {reason.format(pack=render.pack.name)}"
    heard = render.level.remark(normalised=render.settings.audio.normalise)
    if heard:
        yield heard
    if render.settings.stitch.fade_in > render.frames:
        yield "--fade-in is longer than the video: the motion never reaches its full size"
    if render.settings.stitch.fade_out > render.frames:
        yield "--fade-out is longer than the video: the motion ends from its first frame on"
    yield from late_events(render.settings.stitch.controls, render.frames)


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
