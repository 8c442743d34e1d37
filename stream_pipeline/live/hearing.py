"""Timing of a pack's hearing: what it makes of sound, as far as a live face's time is concerned."""

from __future__ import annotations

from dataclasses import dataclass

from cfg.settings import Settings
from ditto.arrays import Floats
from ditto.packs.base import AnyPack
from ditto.rates import SAMPLES_PER_FRAME
from stream_pipeline.plan import overlap_of, silent_rows

WINDOW_ROWS = 80  # of conditions, that motion is made from


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """Hearing of one stream."""

    silence: Floats  # (C,) features of silence
    lookahead: int  # frames that the encoder may hold back
    unit: int  # rows that motion is made for at once
    delay: int  # frames of motion that are held back


def hearing(pack: AnyPack, settings: Settings) -> Hearing:
    """That of a pack with a stream's settings."""
    return Hearing(
        silence=silent_rows(pack, settings, 1)[0],
        lookahead=-(-pack.speech(settings).lookahead // SAMPLES_PER_FRAME),
        unit=WINDOW_ROWS - overlap_of(pack, settings),
        delay=pack.online_delay,
    )
