"""Feed of a live face: speech where some is waiting, silence everywhere else, without a seam."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from ditto.arrays import Floats
from ditto.rates import SAMPLES_PER_FRAME
from ditto.stages.messages import AudioChunk, Features
from stream_pipeline.live.hearing import Hearing
from stream_pipeline.live.voice_queue import VoiceFrame, VoiceQueue

STEADY_FRAMES = 2  # beyond what the encoder waits for, before a voice that is still arriving begins
WAIT_SECONDS = 0.4  # after which it begins with what there is

Feed = Callable[[Sequence[object]], None]


class Feeder:
    """Feeds one turn of a stream, no further than asked. Not thread-safe: its owner locks.

    Speech goes through the encoder, which holds some frames back until it has heard what follows;
    rows of silence pass it. Frames are counted from 0 within the turn.
    """

    def __init__(self, feed: Feed, voices: VoiceQueue, hearing: Hearing, *, turn: int) -> None:
        self.planned: deque[VoiceFrame | None] = deque()  # sound of frames not shown yet, None is silence
        self.turn = turn
        self._feed = feed
        self._voices = voices
        self._hearing = hearing
        self._silence = hearing.silence[None]
        self._fed = 0  # frames
        self._held = 0  # of them, how many the encoder may hold back
        self._speaks = False  # whether the encoder is in the middle of a voice
        self._samples = 0  # that the encoder was given

    @property
    def certain(self) -> int:
        """Frames of the turn whose pictures will come without anything more being fed."""
        rows = self._fed - self._held
        return max(0, rows // self._hearing.unit * self._hearing.unit - self._hearing.delay)

    @property
    def speaks(self) -> bool:
        return self._speaks

    def warm(self, frames: int) -> None:
        """Silence through the encoder, so that its first call is not waited for when somebody speaks."""
        self._give(np.zeros(frames * SAMPLES_PER_FRAME, np.float32), pauses=True)
        self.planned.extend([None] * frames)
        self._fed += frames

    def advance(self, needed: int, wanted: int, earliest: int, now: float) -> None:
        """Makes `needed` frames certain, and up to `wanted` if speech is there for them.

        Speech begins with frame `earliest` or a later one: there is no time left for the pictures of
        those before.
        """
        while self.certain < wanted:
            if self._speaks:
                if self._speak(wanted):
                    continue
                if self.certain >= needed:
                    break
                self._pause()
            elif self.certain >= earliest and self._begins(now):
                self._speaks = True
            elif self.certain < needed:
                self._rest()
            else:
                break

    def _begins(self, now: float) -> bool:
        """Whether a voice that waits is to be spoken now."""
        voice = self._voices.first
        if voice is None or not voice.frames:
            return False
        enough = self._hearing.lookahead + 1 + STEADY_FRAMES
        return voice.closed or voice.frames >= enough or now - voice.since >= WAIT_SECONDS

    def _speak(self, wanted: int) -> bool:
        """Feeds as much of the voice as is wanted and there; whether anything changed."""
        voice = self._voices.first
        missing = wanted + self._hearing.delay + self._hearing.unit + self._hearing.lookahead - self._fed
        count = 0 if voice is None else min(voice.frames, max(missing, 1))
        if voice is None:
            self._pause()
            return True
        if not count:
            return False
        frames, samples = voice.take(count)
        self.planned.extend(frames)
        self._give(samples)
        self._fed += count
        self._held = min(self._held + count, self._hearing.lookahead)
        return True

    def _pause(self) -> None:
        """Has the encoder give what it holds back, as if silence followed."""
        self._give(np.zeros(0, np.float32), pauses=True)
        self._held = 0
        self._speaks = False

    def _give(self, samples: Floats, pauses: bool = False) -> None:
        self._feed([AudioChunk(self.turn, self._samples, samples, pauses)])
        self._samples += len(samples)

    def _rest(self) -> None:
        """One frame of silence."""
        self._feed([Features(self.turn, self._fed, self._silence)])
        self.planned.append(None)
        self._fed += 1
        self._samples += SAMPLES_PER_FRAME
