"""The built-in speech encoder: Whisper's, over a short window that moves with the voice."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cfg.errors import ConfigError
from ditto.arrays import Floats
from ditto.rates import SAMPLE_RATE, SAMPLES_PER_FRAME

MEL_BANDS = 80
WINDOW = 400  # samples under one column of the log-mel
STEP = 160  # samples from one column to the next
COLUMNS = SAMPLES_PER_FRAME // STEP  # of the log-mel, for one video frame
MAX_WINDOW_FRAMES = 3000 // COLUMNS  # frames: the encoder knows no more positions

DYNAMIC_RANGE_DECADES = 8.0  # kept below the loudest value, as Whisper does
MIN_PEAK_LOG10 = -1.0  # log10 power the loudest value is never taken to be below; voices reach 0 to 2
PEAK_FADE_DECADES = 0.0075  # decades a column: a thump ten times louder than the voice is forgotten in 1.3 s
NO_POWER = 1e-10

WIDTH = 768  # two layers of the encoder, 384 numbers each
ROWS_PER_FRAME = 2  # the encoder gives a row every 20 ms
TAPS = (-4, -2, -1, 0, 1, 2, 4)  # frames joined in a row, counted from the row's own


class Encoder(Protocol):
    """A loaded network: `mel` (1, 80, n) and `wanted`, the first of its n / 2 rows that is asked for
    and the one after the last, to `features` (1, rows, 768)."""

    def run(self, feeds: Mapping[str, Any]) -> Mapping[str, Any]: ...


def mel_filters() -> Floats:
    """(201, 80) triangles of equal area on Slaney's scale: linear to 1000 Hz, logarithmic to 8000."""
    knee, per_mel, stretch = 1000.0, 200 / 3, np.log(6.4) / 27
    top = knee / per_mel + np.log(SAMPLE_RATE / 2 / knee) / stretch
    mels = np.linspace(0, top, MEL_BANDS + 2)
    corners = np.where(
        mels * per_mel < knee, mels * per_mel, knee * np.exp((mels - knee / per_mel) * stretch)
    )
    low, peak, high = corners[:-2], corners[1:-1], corners[2:]
    bins = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE)[:, None]
    rise, fall = (bins - low) / (peak - low), (high - bins) / (high - peak)
    filters: npt.NDArray[np.float64] = np.minimum(rise, fall).clip(0) * 2 / (high - low)
    return filters.astype(np.float32)


def neighbours(
    *, hop: int, lookahead: int, past: int, taps: Sequence[int] = TAPS
) -> tuple[int, int, npt.NDArray[np.int64]]:
    """The frames of a window that its new rows are made of, first and end, and (hop, taps) which of them."""
    places = (past + np.arange(hop)[:, None] + np.array(taps)).clip(0, past + hop + lookahead - 1)
    first, last = int(places.min()), int(places.max())
    return first, last + 1, places - first


class LogMel:
    """Whisper's log-mel while the sound arrives. A column once given never changes.

    Each column ends with its last sample, where Whisper's is centred 2.5 ms later; so a frame
    waits for no sound but its own. What is far below the loudest value is cut off, and the
    loudest value, which a stream cannot know, is the loudest of late.
    """

    quietest = (MIN_PEAK_LOG10 - DYNAMIC_RANGE_DECADES + 4) / 4  # the value of silence before the first sound

    def __init__(self) -> None:
        self._filters = mel_filters()
        self._taper = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
        self._before = np.zeros(WINDOW - STEP, np.float32)
        self._peak = MIN_PEAK_LOG10

    def __call__(self, frame: Floats) -> Floats:
        """(640,) samples to (80, 4)."""
        sound = np.concatenate([self._before, frame])
        self._before = sound[SAMPLES_PER_FRAME:].copy()
        pieces = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::STEP]
        spectrum = np.fft.rfft(pieces * self._taper)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        levels = np.log10(np.maximum(power @ self._filters, NO_POWER))
        floors = np.array([self._floor(float(level)) for level in levels.max(axis=1)])
        mel: Floats = ((np.maximum(levels, floors[:, None]) + 4) / 4).astype(np.float32).T
        return mel

    def _floor(self, loudest: float) -> float:
        self._peak = max(loudest, self._peak - PEAK_FADE_DECADES, MIN_PEAK_LOG10)
        return self._peak - DYNAMIC_RANGE_DECADES


class WhisperStream:
    """Rows of features while the voice arrives, the same bits whatever the pieces it comes in.

    The encoder sees `past + hop + lookahead` frames at a time, the `hop` of which are new. Before
    the first sample it sees silence, because what it says of a frame depends on where in the
    window the frame lies.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        hop: int = 5,
        lookahead: int = 4,
        past: int = 37,
        taps: Sequence[int] = TAPS,
    ) -> None:
        length = self._length = past + hop + lookahead
        if hop < 1 or min(past, lookahead) < 0 or length > MAX_WINDOW_FRAMES:
            raise ConfigError(
                f"speech window of {past} past, {hop} new and {lookahead} coming frames: past and coming "
                f"are from 0, new from 1, and all together at most {MAX_WINDOW_FRAMES}"
            )
        self.width = WIDTH * len(taps)
        self.ahead = lookahead  # frames that every row has heard after its own
        self.lookahead = (hop + lookahead - 1) * SAMPLES_PER_FRAME  # for the first frame of a hop
        self._encoder = encoder
        self._hop, self._first_wait = hop, hop + lookahead
        first, end, self._tapped = neighbours(hop=hop, lookahead=lookahead, past=past, taps=taps)
        self._wanted = ROWS_PER_FRAME * np.array([first, end])
        self._window: deque[Floats] = deque(maxlen=length)  # (80, 4) a frame
        self.reset()

    def reset(self) -> None:
        self._mel = LogMel()
        silence = np.full((MEL_BANDS, COLUMNS), LogMel.quietest, np.float32)
        self._window.extend([silence] * self._length)
        self._rest = np.zeros(0, np.float32)  # less than a frame
        self._wait = self._first_wait  # frames until the window is next encoded
        self._samples = 0
        self._given = 0

    def push(self, samples: Floats) -> Floats:
        """(n, width) rows that are complete now."""
        self._samples += len(samples)
        return self._rows(samples.astype(np.float32, copy=False))

    def flush(self) -> Floats:
        """The rows still owed, as if silence followed; then all is ready for another utterance."""
        missing = -(-self._samples // SAMPLES_PER_FRAME) - self._given
        later_windows = -(-missing // self._hop) - 1
        frames = self._wait + later_windows * self._hop
        silence = np.zeros(frames * SAMPLES_PER_FRAME - len(self._rest), np.float32)
        rows = self._rows(silence)[:missing]
        self.reset()
        return rows

    def _rows(self, samples: Floats) -> Floats:
        sound = np.concatenate([self._rest, samples])
        whole = len(sound) - len(sound) % SAMPLES_PER_FRAME
        self._rest = sound[whole:].copy()
        found = []
        for frame in sound[:whole].reshape(-1, SAMPLES_PER_FRAME):
            self._window.append(self._mel(frame))
            self._wait -= 1
            if not self._wait:
                found.append(self._encoded())
                self._wait = self._hop
        self._given += len(found) * self._hop
        return np.concatenate(found) if found else np.zeros((0, self.width), np.float32)

    def _encoded(self) -> Floats:
        """(hop, width) rows of the window as it is now."""
        mel = np.concatenate(list(self._window), axis=1)[None]
        features = self._encoder.run({"mel": mel, "wanted": self._wanted})["features"][0]
        frames = features.reshape(-1, ROWS_PER_FRAME, WIDTH).mean(axis=1)
        rows: Floats = frames[self._tapped].reshape(self._hop, self.width)
        return rows
