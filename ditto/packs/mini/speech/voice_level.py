"""Voice activity by level: one more number in each row of features.

The speech encoder hears words in the faintest hiss. A mouth should rest when the sound falls far
below the voice, however much the encoder makes of it.
"""

from __future__ import annotations

import numpy as np

from ditto.arrays import Floats
from ditto.packs.base import SpeechStream
from ditto.rates import SAMPLES_PER_FRAME

VOICE_RANGE_DB = 24.0  # decibels below the loudest of late that still belong to a voice
MIN_VOICE_DB = -55.0  # decibels of full scale; nothing below is a voice
FIRST_PEAK_DB = -24.0  # taken for the loudest before anything was heard
PEAK_RISE_SHARE = 0.25  # of the way to a louder frame that the peak goes: a bang is not a voice's peak
PEAK_FADE_DB = 0.06  # decibels a frame by which the loudest is forgotten, 1.5 a second
NEIGHBOUR_WEIGHTS = np.exp(-0.5 * np.arange(-2.0, 3.0) ** 2)  # of frames: a click is not a voice
REACH_FRAMES = len(NEIGHBOUR_WEIGHTS) // 2  # frames to either side


class WithLoudness:
    """A speech stream whose rows end in 1 where there is sound, 0 where there is next to none."""

    def __init__(self, stream: SpeechStream, ahead: int = REACH_FRAMES) -> None:
        """`ahead`: frames after its own, up to REACH_FRAMES, that have come when the stream gives a row."""
        self._stream = stream
        self._ahead = min(ahead, REACH_FRAMES)
        self.width = stream.width + 1
        self.lookahead = stream.lookahead
        self._begin()

    def _begin(self) -> None:
        self._rest = np.zeros(0, np.float32)  # samples of a frame that is not full
        self._peak = FIRST_PEAK_DB
        self._levels: list[float] = []  # decibels, from REACH_FRAMES frames before the next row's
        self._least: list[float] = []  # decibels of a voice, from the next row's on
        self._before = 0  # how many of the levels are before the next row's

    def push(self, samples: Floats) -> Floats:
        self._listen(samples)
        return self._joined(self._stream.push(samples))

    def flush(self) -> Floats:
        missing = -len(self._rest) % SAMPLES_PER_FRAME
        self._listen(np.zeros(missing, np.float32))
        rows = self._joined(self._stream.flush())
        self._begin()
        return rows

    def reset(self) -> None:
        self._stream.reset()
        self._begin()

    def _listen(self, samples: Floats) -> None:
        sound = np.concatenate([self._rest, samples])
        whole = len(sound) // SAMPLES_PER_FRAME
        self._rest = sound[whole * SAMPLES_PER_FRAME :]
        frames = sound[: whole * SAMPLES_PER_FRAME].reshape(whole, SAMPLES_PER_FRAME).astype(np.float64)
        for power in (frames**2).mean(axis=1):
            level = max(10 * np.log10(max(float(power), 1e-12)), MIN_VOICE_DB)
            louder = level - self._peak
            self._peak += PEAK_RISE_SHARE * louder if louder > 0 else -PEAK_FADE_DB
            self._levels.append(level)
            self._least.append(max(self._peak - VOICE_RANGE_DB, MIN_VOICE_DB))

    def _joined(self, rows: Floats) -> Floats:
        heard = [self._hears(self._before + row) > self._least[row] for row in range(len(rows))]
        del self._least[: len(rows)]
        gone = max(0, self._before + len(rows) - REACH_FRAMES)
        del self._levels[:gone]
        self._before += len(rows) - gone
        return np.hstack([rows, np.array(heard, np.float32).reshape(len(rows), 1)])

    def _hears(self, place: int) -> float:
        """Decibels of a frame, or of it and those around it if that is less."""
        first, end = max(0, place - REACH_FRAMES), min(place + self._ahead + 1, len(self._levels))
        weights = NEIGHBOUR_WEIGHTS[first - place + REACH_FRAMES : end - place + REACH_FRAMES]
        return min(self._levels[place], float(np.average(self._levels[first:end], weights=weights)))
