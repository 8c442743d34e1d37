"""One stream: sound is pushed, pictures are pulled, or written to a file.

A session owns threads, channels and every bit of state of one stream; the networks behind it are
the engine's and shared.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from cfg.errors import ConfigError, StageError
from cfg.settings import Settings
from ditto.avatar_registrar import RegisteredAvatar
from ditto.media.sound import Resampler
from ditto.messages import (
    FRAME_RATE,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    AudioChunk,
    EndOfSpeech,
    Features,
    Floats,
    Image,
)
from ditto.motion.controls import ControlTrack
from ditto.motion.script import as_frames
from ditto.packs import LoadedPack
from ditto.writer import Sink
from stream_pipeline.assembly import Extra, assemble
from stream_pipeline.metrics import StageMetrics, table
from stream_pipeline.styling import layers

PIECE = SAMPLE_RATE  # longest stretch of sound handed over at once, samples


@dataclass(frozen=True, slots=True, eq=False)
class LivePicture:
    """A finished frame with the sound that belongs to it."""

    image: Image  # (H, W, 3) RGB; before a transparent background (H, W, 4), 255 where the person is
    index: int  # counted from 0 over the whole session
    turn: int  # raised by each interruption
    frame: int  # counted from 0 within the turn
    sound: Floats  # (640,) 16 kHz samples heard while it is shown

    @property
    def time(self) -> Fraction:
        """Seconds since the first frame."""
        return Fraction(self.index, FRAME_RATE)


class Session:
    """A `with` block around a running stream; leaving it, however, leaves no thread behind.

    `push` waits while the stages are behind, so pictures must be read while sound is pushed: from
    another thread, or in turns with small pieces. All methods may be called from any thread.
    """

    def __init__(
        self,
        pack: LoadedPack,
        avatar: RegisteredAvatar,
        settings: Settings,
        *,
        rate: int = SAMPLE_RATE,
        sink: Sink | None = None,
        sound: Iterable[Floats] | None = None,
        length: int = -1,
        first: int = 0,
        extra: Sequence[Extra] = (),
        on_failure: Callable[[StageError], None] | None = None,
    ) -> None:
        """`sound` (16 kHz pieces) feeds itself, from a thread of its own; else it is pushed.

        `length` of the stream in frames, where it is known, lets blinks keep away from its end.
        Pictures before frame `first` are in the sink already and not painted again. `extra`: see
        `Engine.add_stage`.
        """
        self.controls = ControlTrack(
            as_frames(settings.stitch.controls),
            settings.stitch.overall,
            under=layers(pack, settings, length),
            fps=settings.output.fps,
        )
        feed = None if sound is None else self._chunks(sound)
        self._pipeline = assemble(pack, avatar, settings, self.controls, sink, length, first, extra).pipeline(
            capacity=settings.stream.capacity, feed=feed, on_failure=on_failure
        )
        self._rate = rate
        self._resampler = Resampler(rate)
        self._turn = 0
        self._pushed = 0  # samples of this turn, at 16 kHz
        self._rows = 0  # feature rows of this turn
        self._shown = 0
        self._heard: dict[int, list[Floats]] = {}
        self._pushing = threading.Lock()  # keeps pushes in order; may be held while one waits
        self._lock = threading.Lock()  # guards the sound kept for delivery; never held while waiting

    def __enter__(self) -> Session:
        try:
            self._pipeline.__enter__()
        except BaseException:  # a stop comes when the threads are started, or just after
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def push(self, samples: Any, timeout: float | None = None) -> None:
        """Sound at the session's rate: (n,) floats in -1..1, or 16-bit integers, any length."""
        voice = as_voice(samples)
        with self._pushing:
            self._send(self._resampler.push(voice), timeout)

    def push_features(self, rows: Floats) -> None:
        """Speech features instead of sound, as the pack's own encoder makes them: (n, C) rows."""
        with self._pushing:
            self._pipeline.push(Features(self._turn, self._rows, rows))
            self._rows += len(rows)

    def end_of_speech(self) -> None:
        """The utterance is over: its last frames come out now, the next push begins another."""
        with self._pushing:
            self._send(self._resampler.flush(), None)
            self._pipeline.push(EndOfSpeech(self._turn))
            with self._lock:
                missing = -self._pushed % SAMPLES_PER_FRAME
                self._heard.setdefault(self._turn, []).append(np.zeros(missing, np.float32))
            self._pushed += missing
            self._resampler = Resampler(self._rate)

    def end(self) -> None:
        """No more sound: what is still owed comes out, then the pictures end."""
        with self._pushing:
            self._send(self._resampler.flush(), None)
            self._pipeline.end()

    def interrupt(self) -> None:
        """Be silent now: what was pushed and not yet delivered is gone; push may go on at once."""
        turn = self._pipeline.interrupt(self._turn + 1)
        with self._pushing:
            self._begin(turn)
        with self._lock:
            self._heard = {t: pieces for t, pieces in self._heard.items() if t >= turn}

    def control(self, start: int, **controls: Any) -> None:
        """From frame `start` of the turn on these controls hold; None ends one (docs/controls.md)."""
        self.controls.update(start, **controls)

    def pictures(self, timeout: float | None = None) -> Iterator[LivePicture]:
        """Frames as they are finished, until `end`; TimeoutError after `timeout` seconds without one."""
        for item in self._pipeline.results(timeout):
            if not isinstance(item, EndOfSpeech):
                yield self._picture(item)

    def cancel(self) -> None:
        """Stop from any thread; whoever waits for a picture gets Cancelled."""
        self._pipeline.cancel()

    def close(self) -> None:
        self._pipeline.stop()

    @property
    def metrics(self) -> list[StageMetrics]:
        return self._pipeline.metrics

    def profile(self) -> str:
        """How long each stage worked and waited, as a table."""
        return table(self.metrics)

    def _chunks(self, sound: Iterable[Floats]) -> Iterator[AudioChunk]:
        start = 0
        for piece in sound:
            for at in range(0, len(piece), PIECE):
                part = piece[at : at + PIECE]
                yield AudioChunk(0, start, part)
                start += len(part)

    def _begin(self, turn: int) -> None:
        self._turn = turn
        self._pushed = 0
        self._rows = 0
        self._resampler = Resampler(self._rate)

    def _send(self, voice: Floats, timeout: float | None) -> None:
        for at in range(0, len(voice), PIECE):
            part = voice[at : at + PIECE]
            chunk = AudioChunk(self._turn, self._pushed, part)
            with self._lock:
                self._heard.setdefault(self._turn, []).append(part)
            self._pushed += len(part)
            self._pipeline.push(chunk, timeout)

    def _picture(self, item: Any) -> LivePicture:
        with self._lock:
            sound = self._sound(item.turn)
            picture = LivePicture(item.image, self._shown, item.turn, item.index, sound)
            self._shown += 1
        return picture

    def _sound(self, turn: int) -> Floats:
        """The next 40 ms of a turn; silence where the voice has ended."""
        sound = np.zeros(SAMPLES_PER_FRAME, np.float32)
        pieces = self._heard.get(turn, [])
        filled = 0
        while pieces and filled < SAMPLES_PER_FRAME:
            part = pieces[0][: SAMPLES_PER_FRAME - filled]
            sound[filled : filled + len(part)] = part
            filled += len(part)
            if len(part) == len(pieces[0]):
                pieces.pop(0)
            else:
                pieces[0] = pieces[0][len(part) :]
        return sound


def as_voice(samples: Any) -> Floats:
    """(n,) float32 in -1..1 from floats or 16-bit integers; refuses anything else."""
    voice = np.asarray(samples)
    if voice.ndim != 1:
        raise ConfigError(f"sound must be a flat array of samples, not of shape {voice.shape}")
    if voice.dtype == np.int16:
        return np.asarray(voice / 32768, np.float32)
    if voice.dtype.kind != "f":
        raise ConfigError(f"sound must be float or 16-bit integer samples, not {voice.dtype}")
    if not np.isfinite(voice).all():
        raise ConfigError("sound holds values that are not numbers (NaN or infinity)")
    return np.array(voice, np.float32)
