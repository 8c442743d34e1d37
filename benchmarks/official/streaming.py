"""Speed of streams: frames a second of one, and the time to a live session's first picture."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from benchmarks.official.timing import Case, Elsewhere
from cfg.settings import Settings
from ditto.arrays import Floats, Image
from ditto.packs.base import AnyPack
from ditto.rates import SAMPLE_RATE, SAMPLES_PER_FRAME
from ditto.source.avatar import AnyAvatar
from stream_pipeline.session import Session

STREAM, FIRST = "stream", "first_frame"
HEARD = SAMPLE_RATE  # samples, more than a live session waits for before its first frame


@dataclass(frozen=True)
class Streams:
    """Streams of one portrait over one opened pack."""

    pack: AnyPack
    avatar: AnyAvatar
    offline: Settings
    online: Settings
    form: str  # torch, or graphs
    precision: str

    def stream(self, frames: int) -> Case:
        """A voice of so many frames that is known from the start; times are of one frame."""
        return Case(
            STREAM, self.form, self.precision, lambda: self.rendered(frames), frames=frames, live=True
        )

    def rendered(self, frames: int) -> list[Image]:
        sound = [noise(frames * SAMPLES_PER_FRAME)]
        with Session(self.pack, self.avatar, self.offline, sound=sound, length=frames) as session:
            return [picture.image for picture in session.pictures()]

    def first_frame(self) -> Case:
        """From the arrival of a second of voice at once to the first picture."""
        return Case(FIRST, self.form, self.precision, Elsewhere(lambda: self.delay(noise(HEARD))))

    def delay(self, heard: Floats) -> float:
        """Milliseconds; how long threads take to begin and to end is not in them."""
        with Session(self.pack, self.avatar, self.online) as session:
            began = time.perf_counter()
            session.push(heard)
            next(iter(session.pictures()))
            return 1000 * (time.perf_counter() - began)


def noise(samples: int) -> Floats:
    """So much of a voice without words."""
    return (0.1 * np.random.default_rng(0).standard_normal(samples)).astype(np.float32)
