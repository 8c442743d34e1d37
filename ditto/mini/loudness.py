"""Whether anything is to be heard, beside what it says: one more number in each row of features.

The speech encoder hears words in the faintest hiss. A mouth should rest when the sound falls far
below the voice, however much the encoder makes of it.
"""

from __future__ import annotations

import numpy as np

from ditto.messages import SAMPLES_PER_FRAME, Floats
from ditto.pack import SpeechStream

RANGE = 28.0  # decibels below the loudest of late that still belong to a voice
QUIETEST = -55.0  # decibels of full scale; nothing below is a voice
FIRST_PEAK = -30.0  # taken for the loudest before anything was heard
FADE = 0.06  # decibels a frame by which the loudest is forgotten, 1.5 a second


class WithLoudness:
    """A speech stream whose rows end in 1 where there is sound, 0 where there is next to none."""

    def __init__(self, stream: SpeechStream) -> None:
        self._stream = stream
        self.width = stream.width + 1
        self.lookahead = stream.lookahead
        self._begin()

    def _begin(self) -> None:
        self._rest = np.zeros(0, np.float32)  # samples of a frame that is not full
        self._peak = FIRST_PEAK
        self._heard: list[float] = []  # of frames whose row has not come

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
            level = 10 * np.log10(max(float(power), 1e-12))
            self._peak = max(level, self._peak - FADE)
            self._heard.append(float(level > max(self._peak - RANGE, QUIETEST)))

    def _joined(self, rows: Floats) -> Floats:
        heard, self._heard = self._heard[: len(rows)], self._heard[len(rows) :]
        column = np.array(heard, np.float32).reshape(len(rows), 1)
        return np.hstack([rows, column])
