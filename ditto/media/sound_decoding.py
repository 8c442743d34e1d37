"""Decodes sound files and the sound of videos; refuses samples that cannot be a voice."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import soundfile

from cfg.errors import DittoError, MediaError
from ditto.arrays import Floats, Numbers
from ditto.media.files import address, first_line, has_codec
from ditto.media.pyav_errors import DAMAGED

MAX_CHANNELS = 32
RATE_LIMITS = (1_000, 768_000)  # samples a second between which a file is believed
BLOCK_SAMPLES = 1 << 16  # samples decoded at once
MAX_SAMPLE = 16.0  # sample of either sign that is believed, 24 dB over full scale
LIBSNDFILE = (b"RIFF", b"RF64", b"fLaC", b"OggS", b"FORM", b"caff", b".snd", b"riff")


def loudest_of(block: Numbers) -> float:
    """The largest sample of either sign; 0 of none."""
    return float(max(block.max(initial=0), -block.min(initial=0)))


def believed(block: Numbers, name: str, kind: type[DittoError] = MediaError) -> Numbers:
    """The samples, once they are known to be numbers in -1..1, or not far beyond."""
    if not np.isfinite(block).all():
        raise kind(f"{name}: holds samples that are not numbers (NaN or infinity); export it again")
    loudest = loudest_of(block)
    if loudest > MAX_SAMPLE:
        over, most = (20 * math.log10(level) for level in (loudest, MAX_SAMPLE))
        raise kind(
            f"{name}: holds a sample of {loudest:.6g}, where full scale is 1: {over:.0f} dB over it, but "
            f"{most:.0f} at most are read; export it again in -1..1 (16-bit numbers: divide by 32768)"
        )
    return block


def decoded(path: Path) -> tuple[int, Iterator[Floats]]:
    """Samples a second, and blocks of (n, channels)."""
    with path.open("rb") as file:
        magic = file.read(4)
    if magic in LIBSNDFILE:
        # an odd codec in a common container, or an odd name, is left to FFmpeg, which knows more of them
        with contextlib.suppress(soundfile.LibsndfileError, UnicodeEncodeError):
            return _by_soundfile(path)
    return _by_ffmpeg(path)


def _by_soundfile(path: Path) -> tuple[int, Iterator[Floats]]:
    file = soundfile.SoundFile(path)
    rate: int = file.samplerate
    try:
        _believe(path, rate, file.channels)
    except MediaError:
        file.close()
        raise

    def blocks() -> Iterator[Floats]:
        try:
            with file:
                while len(block := file.read(BLOCK_SAMPLES, dtype="float32", always_2d=True)):
                    yield believed(block, str(path))
        except soundfile.LibsndfileError as error:
            raise _broken(path, error) from error

    return rate, blocks()


def _by_ffmpeg(path: Path) -> tuple[int, Iterator[Floats]]:
    try:
        container = av.open(address(path))
    except DAMAGED as error:
        raise MediaError(
            f"{path}: not a sound this program reads ({first_line(error)}); "
            "give WAV, FLAC, OGG, MP3, M4A, or a video with sound"
        ) from error
    if not container.streams.audio:
        container.close()
        raise MediaError(f"{path}: has no sound track; give a file with a voice in it")
    stream = container.streams.audio[0]
    if not has_codec(stream):
        container.close()
        raise MediaError(f"{path}: its sound has an unknown codec; export it as WAV, FLAC or M4A")
    rate, channels = stream.rate or 0, stream.channels
    try:
        _believe(path, rate, channels)
    except MediaError:
        container.close()
        raise

    def blocks() -> Iterator[Floats]:
        same = av.AudioResampler(format="flt", layout=stream.layout, rate=rate)
        any_read = False
        with container:
            try:
                for frame in container.decode(stream):
                    frame.pts = None
                    for part in same.resample(frame):
                        any_read = True
                        yield believed(part.to_ndarray().reshape(-1, channels).astype(np.float32), str(path))
                for part in same.resample(None):
                    yield believed(part.to_ndarray().reshape(-1, channels).astype(np.float32), str(path))
            except DAMAGED as error:
                raise _broken(path, error) from error
        if not any_read:
            raise MediaError(f"{path}: the sound track is empty or damaged; export the file again")

    return rate, blocks()


def _broken(path: Path, error: Exception) -> MediaError:
    return MediaError(f"{path}: the sound is damaged ({first_line(error)}); export the file again")


def _believe(path: Path, rate: int, channels: int) -> None:
    if not RATE_LIMITS[0] <= rate <= RATE_LIMITS[1]:
        raise MediaError(
            f"{path}: says {rate} samples a second, but {RATE_LIMITS[0]} to {RATE_LIMITS[1]} are read; "
            "export the file again, for example at 48000"
        )
    if not 1 <= channels <= MAX_CHANNELS:
        raise MediaError(
            f"{path}: has {channels} channels, but 1 to {MAX_CHANNELS} are read; export it in mono or stereo"
        )
