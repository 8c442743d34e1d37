"""One stream: sound is pushed, pictures are pulled, or written to a file.

A session owns threads, channels and every bit of state of one stream; the networks behind it are
the engine's and shared.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from cfg.argument_checks import kind_of, seconds_of, whole_of
from cfg.errors import ConfigError, StageError
from cfg.settings import Settings
from ditto.arrays import Floats, Image
from ditto.media.sink import Sink
from ditto.media.sound import Resampler
from ditto.media.sound_decoding import believed
from ditto.packs.base import AnyPack
from ditto.rates import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME
from ditto.source.avatar import AnyAvatar
from ditto.stages.messages import AudioChunk, EndOfSpeech, Features, Picture
from stream_pipeline.metrics import StageMetrics, table
from stream_pipeline.plan import Extra, plan
from stream_pipeline.samples import Samples
from stream_pipeline.style_steps import control_track

PIECE_SAMPLES = SAMPLE_RATE  # longest stretch of sound handed over at once, samples


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


class _Turn:
    """Sound that was pushed since an interruption, or since the beginning."""

    def __init__(self, number: int, rate: int) -> None:
        self.number = number
        self.resampler = Resampler(rate)
        self.pushed = 0  # samples, at 16 kHz
        self.rows = 0  # feature rows
        self.heard = Samples()  # sound that is not delivered yet


class Session:
    """A `with` block around a running stream; leaving it, however, leaves no thread behind.

    `push` waits while the stages are behind, so pictures must be read while sound is pushed: from
    another thread, or in turns with small pieces. All methods may be called from any thread.
    """

    def __init__(
        self,
        pack: AnyPack,
        avatar: AnyAvatar,
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
        self.controls = control_track(pack, settings, length)
        feed = None if sound is None else self._chunks(sound)
        self._pipeline = plan(pack, avatar, settings, self.controls, sink, length, first, extra).pipeline(
            capacity=settings.stream.capacity, feed=feed, on_failure=on_failure
        )
        self._rate = rate
        self._turn = _Turn(0, rate)
        self._shown = 0
        self._pushing = threading.Lock()  # keeps pushes in order; may be held while one waits
        self._lock = threading.Lock()  # guards turn and sound kept for delivery; never held while waiting

    def __enter__(self) -> Session:
        try:
            self._pipeline.__enter__()
        except BaseException:  # a stop comes when the threads are started, or just after
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def push(self, samples: object, timeout: float | None = None) -> None:
        """Sound at the session's rate: (n,) floats in -1..1, or 16-bit integers, any length.

        Where there is no place for all of it within `timeout` seconds it raises TimeoutError, and nothing
        of it was taken: push it again. What an interruption overtakes is gone.
        """
        voice, timeout = as_voice(samples), seconds_of(timeout, "timeout")
        with self._admitted(len(voice), timeout) as turn:
            self._pipeline.push_all(self._heard(turn, turn.resampler.push(voice)))

    def push_features(self, rows: Floats) -> None:
        """Speech features instead of sound, as the pack's own encoder makes them: (n, C) rows."""
        rows = floats_of(rows, "the features", axes=2)
        with self._admitted(0, more=1) as turn:
            self._pipeline.push_all([Features(turn.number, turn.rows, rows)])
            turn.rows += len(rows)

    def end_of_speech(self) -> None:
        """The utterance is over: its last frames come out now, the next push begins another."""
        with self._admitted(0, more=1) as turn:
            rest = self._heard(turn, turn.resampler.flush())
            with self._lock:
                missing = -turn.pushed % SAMPLES_PER_FRAME
                turn.heard.put(np.zeros(missing, np.float32))
            turn.pushed += missing
            self._pipeline.push_all([*rest, EndOfSpeech(turn.number)])

    def end(self) -> None:
        """No more sound: what is still owed comes out, then the pictures end."""
        if self._pipeline.ended:
            return
        with self._admitted(0) as turn:
            self._pipeline.push_all(self._heard(turn, turn.resampler.flush()))
            self._pipeline.end()

    def interrupt(self) -> None:
        """Be silent now: what was pushed and not yet delivered is gone; push may go on at once."""
        self._pipeline.interrupt()  # lets a push go that waits
        self._notice()

    def control(self, start: int, **controls: object) -> None:
        """From frame `start` of the turn on these controls hold; None ends one (docs/controls.md)."""
        self.controls.update(whole_of(start, "start", 0, 10**9), **controls)

    def pictures(self, timeout: float | None = None) -> Iterator[LivePicture]:
        """Frames as they are finished, until `end`; TimeoutError after `timeout` seconds without one."""
        for item in self._pipeline.results(seconds_of(timeout, "timeout")):
            if isinstance(item, EndOfSpeech):
                continue
            assert isinstance(item, Picture)
            picture = self._picture(item)
            if picture is not None:
                yield picture

    def cancel(self) -> None:
        """Stop from any thread; whoever waits for a picture gets Cancelled."""
        self._pipeline.cancel()

    def close(self) -> None:
        self._pipeline.stop()

    @property
    def metrics(self) -> list[StageMetrics]:
        return self._pipeline.metrics

    def profile(self) -> str:
        """Table of how long each stage worked and waited."""
        return table(self.metrics)

    def _chunks(self, sound: Iterable[Floats]) -> Iterator[AudioChunk]:
        start = 0
        for piece in sound:
            for at in range(0, len(piece), PIECE_SAMPLES):
                part = piece[at : at + PIECE_SAMPLES]
                yield AudioChunk(0, start, part)
                start += len(part)

    @contextmanager
    def _admitted(self, samples: int, timeout: float | None = None, more: int = 0) -> Iterator[_Turn]:
        """The turn that is pushed to, once there is a place for what so many samples give, and for `more`.

        One that an interruption has ended takes what is pushed with it.
        """
        begun = self._pipeline.turn
        until = None if timeout is None else time.monotonic() + timeout
        if not self._pushing.acquire(
            timeout=-1 if timeout is None else min(max(0.0, timeout), threading.TIMEOUT_MAX)
        ):
            raise TimeoutError("another push is waiting for its place")
        try:
            pieces = -(-self._notice().resampler.most(samples) // PIECE_SAMPLES) + more
            self._pipeline.room(pieces, None if until is None else until - time.monotonic())
            turn = self._notice()
            yield turn if turn.number == begun else _Turn(begun, self._rate)
        finally:
            self._pushing.release()

    def _notice(self) -> _Turn:
        """Takes up the pipeline's turn: of several interruptions at once, whoever comes first the last."""
        with self._lock:
            number = self._pipeline.turn
            if number != self._turn.number:
                self._turn = _Turn(number, self._rate)
            return self._turn

    def _heard(self, turn: _Turn, voice: Floats) -> list[AudioChunk]:
        """The sound in pieces, kept to be delivered with the pictures."""
        chunks = []
        for at in range(0, len(voice), PIECE_SAMPLES):
            chunks.append(AudioChunk(turn.number, turn.pushed, voice[at : at + PIECE_SAMPLES]))
            turn.pushed += len(chunks[-1].samples)
        with self._lock:
            for chunk in chunks:
                turn.heard.put(chunk.samples)
        return chunks

    def _picture(self, item: Picture) -> LivePicture | None:
        """The picture with its sound; None where an interruption came between."""
        with self._lock:
            if item.turn != self._turn.number:
                return None
            picture = LivePicture(
                item.image, self._shown, item.turn, item.index, self._turn.heard.take(SAMPLES_PER_FRAME)
            )
            self._shown += 1
        return picture


def floats_of(given: object, what: str, axes: int = 1) -> Floats:
    """An array of numbers."""
    try:
        array = np.asarray(given)
        if array.dtype.kind in "fiu" and array.ndim == axes:
            return array.astype(np.float32)
    except (TypeError, ValueError):  # a ragged list
        pass
    said = f"of shape {given.shape}" if isinstance(given, np.ndarray) else kind_of(given)
    raise ConfigError(f"{what} is {said}, but must be an array of numbers, {axes}-dimensional")


def as_voice(samples: object) -> Floats:
    """(n,) float32 in -1..1 from floats or 16-bit integers; refuses anything else."""
    voice = np.asarray(samples)
    if voice.ndim != 1:
        raise ConfigError(f"sound must be a flat array of samples, not of shape {voice.shape}")
    if voice.dtype == np.int16:
        return np.asarray(voice / 32768, np.float32)
    if voice.dtype.kind != "f":
        raise ConfigError(f"sound must be float or 16-bit integer samples, not {voice.dtype}")
    return np.array(believed(voice, "the sound", ConfigError), np.float32)
