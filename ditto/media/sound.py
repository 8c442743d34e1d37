"""Reads voices from files as mono 16 kHz, and keeps the original sound for the video."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

import numpy as np
import soxr

from cfg.argument_checks import whole_of
from cfg.errors import MediaError
from ditto.arrays import Floats
from ditto.media.files import existing
from ditto.media.level import Level, LevelMeter
from ditto.media.loudness import SPEECH_LUFS, to_loudness
from ditto.media.noise import without_noise
from ditto.media.sound_decoding import RATE_LIMITS, believed, decoded
from ditto.rates import SAMPLE_RATE

MAX_SOUND_SECONDS = 6 * 3600  # seconds of sound that are read into memory at most


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """A sound as it is put beside the picture: at its own rate, up to two channels, read lazily."""

    source: Path | Floats  # a file, or (n,) samples at 16 kHz
    start: float = 0.0  # seconds cut off at the beginning
    end: float | None = None  # second at which it ends

    def open(self) -> tuple[int, int, Iterator[Floats]]:
        """Samples a second, channels, and blocks of (n, channels)."""
        if isinstance(self.source, Path):
            rate, blocks = decoded(self.source)
            blocks = _cut(blocks, rate, self.start, self.end)
        else:
            rate, blocks = SAMPLE_RATE, iter([self.source[:, None]])
        first = next(blocks, np.zeros((0, 1), np.float32))
        channels = 1 if first.shape[1] == 1 else 2
        return rate, channels, (_folded(block, channels) for block in chain([first], blocks))


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """A voice, ready to be heard by a speech encoder."""

    samples: Floats  # (n,) mono, 16 kHz, -1..1
    track: Track  # the same stretch of sound as it goes into the video
    path: Path | None = None  # of the file it was read from
    level: Level = field(default_factory=Level)  # as it was recorded

    @property
    def length(self) -> int:
        """Samples in all."""
        return len(self.samples)

    @property
    def seconds(self) -> float:
        return self.length / SAMPLE_RATE

    @property
    def silent(self) -> bool:
        """Whether nothing in it is loud enough to move lips."""
        return self.level.silent

    def pieces(self) -> Iterator[Floats]:
        """The samples in blocks of a second."""
        for at in range(0, self.length, SAMPLE_RATE):
            yield self.samples[at : at + SAMPLE_RATE]


@dataclass(frozen=True, slots=True, eq=False)
class SoundFile:
    """A voice that stays in its file, and is read as it is needed: as good as a `Sound`, of any length."""

    path: Path
    length: int  # samples at 16 kHz, in all
    start: float | None = None  # seconds cut off at the beginning
    end: float | None = None  # second at which it ends
    level: Level = field(default_factory=Level)  # as it was recorded

    @property
    def silent(self) -> bool:
        """Whether nothing in it is loud enough to move lips."""
        return self.level.silent

    @property
    def track(self) -> Track:
        return Track(self.path, self.start or 0.0, self.end)

    @property
    def seconds(self) -> float:
        return self.length / SAMPLE_RATE

    def pieces(self) -> Iterator[Floats]:
        """The samples in blocks, at 16 kHz."""
        return stream_sound(self.path, self.start, self.end)


class Resampler:
    """Turns mono sound of one rate into another while it arrives, to an exact total length."""

    def __init__(self, rate: int, to: int = SAMPLE_RATE) -> None:
        if rate < 1:
            raise MediaError(f"the sound's rate is {rate}, but must be at least 1 sample a second")
        self._rate, self._to = rate, to
        self._begin()

    def _begin(self) -> None:
        self._heard = 0
        self._given = 0
        if self._rate != self._to:
            self._stream = soxr.ResampleStream(self._rate, self._to, 1, dtype="float32", quality="HQ")

    def most(self, count: int) -> int:
        """Samples that a push of so many, or a flush for none, can give."""
        return count if self._rate == self._to else self._total(count) - self._given

    def push(self, samples: Floats) -> Floats:
        """Resampled sound so far; (m,), often a little less than was pushed."""
        samples = np.ascontiguousarray(samples, np.float32)
        if self._rate == self._to:
            return samples
        self._heard += len(samples)
        return self._owed(self._stream.resample_chunk(samples))

    def flush(self) -> Floats:
        """The rest: in total exactly ceil(n * to / rate) samples. Ready for the next utterance."""
        if self._rate == self._to:
            return np.zeros(0, np.float32)
        rest = self._owed(self._stream.resample_chunk(np.zeros(0, np.float32), last=True))
        missing = self._total() - self._given
        self._begin()
        return np.pad(rest, (0, missing))

    def _owed(self, samples: Floats) -> Floats:
        samples = samples[: self._total() - self._given]
        self._given += len(samples)
        return samples

    def _total(self, more: int = 0) -> int:
        return -(-(self._heard + more) * self._to // self._rate)


def read_sound(
    path: str | Path,
    start: float | None = None,
    end: float | None = None,
    normalise: bool = False,
    denoise: bool = False,
    longest: float = MAX_SOUND_SECONDS,
) -> Sound:
    """The whole voice of a sound file, or of a video. `start`, `end` and `longest` in seconds."""
    path = existing(path, "voice")
    parts: list[Floats] = []
    length = 0
    meter = LevelMeter()
    for part in stream_sound(path, start, end, meter):
        length += len(part)
        _bounded(path, length / SAMPLE_RATE, longest)
        parts.append(part)
    samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    if not length:
        raise _nothing(path, start, end)
    if denoise:
        samples = without_noise(samples, SAMPLE_RATE)
    if normalise:
        samples = to_loudness(samples, SAMPLE_RATE, SPEECH_LUFS)
    changed = denoise or normalise
    track = Track(samples) if changed else Track(path, start or 0.0, end)
    return Sound(samples, track, path, meter.level)


def open_sound(
    path: str | Path, start: float | None = None, end: float | None = None, longest: float = MAX_SOUND_SECONDS
) -> SoundFile:
    """The voice of a file, read through once to see that it is whole, and how long it is."""
    path = existing(path, "voice")
    rate, blocks = decoded(path)
    heard, meter = 0, LevelMeter()
    for block in _cut(blocks, rate, start or 0.0, end):
        heard += len(meter.add(block))
        _bounded(path, heard / rate, longest)
    if not heard:
        raise _nothing(path, start, end)
    return SoundFile(path, -(-heard * SAMPLE_RATE // rate), start, end, meter.level)


def stream_sound(
    path: str | Path, start: float | None = None, end: float | None = None, meter: LevelMeter | None = None
) -> Iterator[Floats]:
    """The voice of a file as mono 16 kHz blocks, in memory that does not grow with its length.

    A `meter` measures it as it was recorded.
    """
    path = existing(path, "voice")
    rate, blocks = decoded(path)
    resampler = Resampler(rate)
    for block in _cut(blocks, rate, start or 0.0, end):
        if meter is not None:
            meter.add(block)
        mono = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32)
        yield resampler.push(mono)
    yield resampler.flush()


def shortened(voice: Sound | SoundFile, length: int) -> Sound | SoundFile:
    """The same voice, ending after so many 16 kHz samples if it has more."""
    if voice.length <= length:
        return voice
    track = voice.track
    end = track.start + length / SAMPLE_RATE
    if isinstance(voice, SoundFile):
        return replace(voice, length=length, end=end)
    source = track.source if isinstance(track.source, Path) else track.source[:length]
    return replace(voice, samples=voice.samples[:length], track=replace(track, source=source, end=end))


def sound_of(samples: object, rate: int = SAMPLE_RATE) -> Sound:
    """A voice from an array: (n,) or (n, channels), floats in -1..1 or whole numbers."""
    rate = whole_of(rate, "the sound's rate", *RATE_LIMITS)
    array = np.asarray(samples)
    if array.ndim not in (1, 2) or array.size == 0:
        raise MediaError(f"the voice has shape {array.shape}, but needs (n,) or (n, channels)")
    if array.dtype.kind in "iu":
        bits = np.iinfo(array.dtype).bits
        middle = 2 ** (bits - 1) if array.dtype.kind == "u" else 0
        array = (array.astype(np.float64) - middle) / 2 ** (bits - 1)
    elif array.dtype.kind != "f":
        raise MediaError(f"the voice is of type {array.dtype}, but must be numbers in -1..1")
    mono = believed(array if array.ndim == 1 else array.mean(axis=1), "the voice").astype(np.float32)
    resampler = Resampler(rate)
    meter = LevelMeter()
    whole = np.concatenate([resampler.push(meter.add(mono)), resampler.flush()])
    return Sound(whole, Track(whole), level=meter.level)


def _bounded(path: Path, seconds: float, longest: float) -> None:
    if seconds > longest:
        raise MediaError(
            f"{path}: longer than {longest / 3600:g} hours; cut it with audio.start and audio.end"
        )


def _nothing(path: Path, start: float | None, end: float | None) -> MediaError:
    if start is None and end is None:
        return MediaError(f"{path}: it holds no sound; the voice needs at least one sample")
    rate, blocks = decoded(path)
    seconds = sum(len(block) for block in blocks) / rate
    return MediaError(
        f"{path}: nothing is left between audio.start and audio.end (--start, --end); "
        f"the sound is {seconds:.2f} s long"
    )


def _cut(blocks: Iterator[Floats], rate: int, start: float, end: float | None) -> Iterator[Floats]:
    first = round(start * rate)
    last = math.inf if end is None else round(end * rate)
    at = 0
    for block in blocks:
        low, high = max(first - at, 0), min(last - at, len(block))
        if low < high:
            yield block[low : int(high)]
        at += len(block)
        if at >= last:
            close = getattr(blocks, "close", None)
            if close is not None:
                close()
            return


def _folded(block: Floats, channels: int) -> Floats:
    """More channels than two become one voice on both sides; one stays one."""
    if block.shape[1] <= channels:
        return block
    return np.repeat(block.mean(axis=1, keepdims=True, dtype=np.float32), channels, axis=1)


def resampled(blocks: Iterable[Floats], rate: int, channels: int, to: int) -> Iterator[Floats]:
    """Blocks of (n, channels) at another rate."""
    resamplers = [Resampler(rate, to) for _ in range(channels)]
    for block in blocks:
        yield np.stack([r.push(block[:, c]) for c, r in enumerate(resamplers)], axis=1)
    yield np.stack([r.flush() for r in resamplers], axis=1)
