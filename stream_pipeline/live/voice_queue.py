"""Speech that waits to be spoken: utterances in their order, each cut into frames of 40 ms."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from ditto.arrays import Floats
from ditto.media.sound import Resampler
from ditto.rates import FRAME_RATE, SAMPLES_PER_FRAME
from stream_pipeline.samples import Samples


@dataclass(frozen=True, slots=True, eq=False)
class VoiceFrame:
    """40 ms of an utterance as it will be heard."""

    utterance: Utterance
    sound: Floats  # (rate / 25,) samples, silence after the last
    spoken: int  # of the samples, how many are of the utterance


class Utterance:
    """Sound of one utterance, at its own rate to be heard and at 16 kHz for the speech encoder."""

    def __init__(self, number: int, rate: int) -> None:
        self.number = number
        self.rate = rate
        self.closed = False
        self.dropped = False  # interrupted
        self.since = math.inf  # when its first sample was put, in the owner's time
        self._heard = Samples()
        self._encoded = Samples()
        self._resampler = Resampler(rate)

    def put(self, samples: Floats, now: float) -> None:
        self.since = min(self.since, now)
        self._heard.put(samples)
        self._encoded.put(self._resampler.push(samples))

    def close(self) -> None:
        """Nothing more will be put."""
        if not self.closed:
            self.closed = True
            self._encoded.put(self._resampler.flush())

    @property
    def waiting(self) -> int:
        """Samples that are not taken yet."""
        return len(self._heard)

    @property
    def frames(self) -> int:
        """Whole frames that can be taken; of a closed utterance, also a last one that is not whole."""
        frame = self.rate // FRAME_RATE
        if self.closed:
            return -(-len(self._heard) // frame)
        return min(len(self._heard) // frame, len(self._encoded) // SAMPLES_PER_FRAME)

    @property
    def over(self) -> bool:
        """Whether all of it has been taken."""
        return self.closed and not self._heard

    def take(self, count: int) -> tuple[list[VoiceFrame], Floats]:
        """So many frames as they are heard, and (count * 640,) samples for the encoder."""
        frame = self.rate // FRAME_RATE
        frames = []
        for _ in range(count):
            spoken = min(frame, len(self._heard))
            frames.append(VoiceFrame(self, self._heard.take(frame), spoken))
        return frames, self._encoded.take(count * SAMPLES_PER_FRAME)


class VoiceQueue:
    """Utterances in the order in which they were begun. Not thread-safe: its owner locks."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._waiting: deque[Utterance] = deque()
        self._begun = 0

    def begin(self) -> Utterance:
        """An utterance that is spoken after those begun before it."""
        utterance = Utterance(self._begun, self._rate)
        self._begun += 1
        self._waiting.append(utterance)
        return utterance

    @property
    def first(self) -> Utterance | None:
        """The utterance that is being spoken, or is spoken next; one without any sound is passed over."""
        while self._waiting and self._waiting[0].over:
            self._waiting.popleft()
        return self._waiting[0] if self._waiting else None

    @property
    def seconds(self) -> float:
        """Sound that is not taken yet."""
        return sum(utterance.waiting for utterance in self._waiting) / self._rate

    def seconds_to(self, utterance: Utterance) -> float:
        """Sound that is not taken yet, up to the end of an utterance: what is spoken later does not count."""
        waiting = (one.waiting for one in self._waiting if one.number <= utterance.number)
        return sum(waiting) / self._rate

    def clear(self) -> list[Utterance]:
        """Drops all utterances and gives them."""
        dropped = list(self._waiting)
        self._waiting.clear()
        for utterance in dropped:
            utterance.dropped = True
        return dropped
