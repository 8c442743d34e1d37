"""Writes a long video in pieces that survive a kill, and joins them when all are there.

The pieces lie in a folder beside the video, `.NAME.parts`. Each begins with a key frame and is
named only once it is whole, so a later run that makes the same video goes on behind the last one.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av

from cfg.atomic_write import write_whole
from cfg.errors import MediaError
from cfg.frame_rates import Rate
from cfg.settings import OutputSettings
from ditto.arrays import Image
from ditto.media.encode import check_output, piece_folder
from ditto.media.files import address, first_line
from ditto.media.inputs import NONE, Inputs
from ditto.media.output_lock import OutputLock
from ditto.media.picture_folder import discard, empty
from ditto.media.sound import Track
from ditto.media.video_file import SoundEncoder, VideoFile
from ditto.media.video_formats import CODECS

log = logging.getLogger(__name__)

PIECES = {".mp4": ".mp4", ".mov": ".mov", ".mkv": ".mp4", ".webm": ".webm"}  # kind of a video's pieces
DIGITS = "[0-9]" * 8
PIECE_FRAMES = 250  # frames of a piece: as far apart as an encoder puts key frames anyway


class SegmentedVideo:
    """A sink whose finished pieces outlive the process. `done` frames are there already."""

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        track: Track | None,
        settings: OutputSettings,
        recipe: str,
        *,
        resume: bool,
        length: int = PIECE_FRAMES,
        inputs: Inputs = NONE,
    ) -> None:
        """`recipe` stands for everything the pictures depend on: pieces of another one are thrown away.

        `resume` goes on behind the pieces of an earlier run, and keeps this run's when it fails. Raises
        ConfigError where the video would take the place of one of the inputs.
        """
        self._path, self._size, self._track, self._settings = path, size, track, settings
        self._keep = resume
        self._length = length
        self._suffix = PIECES[check_output(path, settings, inputs)]
        self._folder = piece_folder(path)
        self._open: VideoFile | None = None
        self._lock: OutputLock | None = None
        fresh = not self._folder.exists()
        try:
            self._lock = OutputLock(self._folder, path, folder=True)
            self.done = self._found(recipe) if resume else 0
            if not self.done:
                empty(self._folder)
                write_whole(self._folder / "recipe.json", json.dumps({"recipe": recipe, "length": length}))
        except BaseException as error:  # nobody else can clean up yet
            if self._lock is not None or (fresh and isinstance(error, KeyboardInterrupt)):
                self._keep = resume and not fresh
                self.abort()
            if isinstance(error, OSError):
                raise MediaError(f"{path}: cannot be written: {first_line(error)}") from error
            raise
        self._next = self.done

    def write(self, image: Image, index: int) -> None:
        """The picture `index` frames behind those that were done."""
        try:
            if self._open is None:
                self._open = VideoFile(self._working, self._size, None, self._settings)
            self._open.write(image, self._next % self._length)
            self._next += 1
            if self._next % self._length == 0:
                self._finish_piece()
        except (OSError, av.FFmpegError) as error:
            raise MediaError(f"{self._path}: cannot be written: {first_line(error)}") from error

    def close(self) -> None:
        if self._next == 0:
            self.abort()
            raise MediaError(f"{self._path}: no picture was written")
        part = self._folder / f"whole{self._path.suffix}"
        try:
            if self._open is not None:
                self._finish_piece()
            pieces = self._pieces()
            if not pieces or span(pieces[-1])[1] != self._next:
                raise MediaError(
                    f"{self._path}: pieces of it have vanished from {self._folder}; make it again"
                )
            join(pieces, part, self._track, self._next, self._settings.fps)
            part.replace(self._path)
        except (OSError, av.FFmpegError) as error:
            discard(part)
            raise MediaError(f"{self._path}: cannot be finished: {first_line(error)}") from error
        discard(self._folder)
        if self._lock is not None:
            self._lock.release()

    def abort(self) -> None:
        if self._open is not None:
            self._open.abandon()
            self._open = None
        discard(self._working if self._keep else self._folder)
        if self._lock is not None:
            self._lock.release()

    @property
    def _working(self) -> Path:
        return self._folder / f"unfinished{self._suffix}"

    def _finish_piece(self) -> None:
        assert self._open is not None
        self._open.close()
        self._open = None
        first = (self._next - 1) // self._length * self._length
        flushed(self._working)
        self._working.replace(self._folder / f"{first:08d}-{self._next:08d}{self._suffix}")

    def _pieces(self) -> list[Path]:
        """The finished pieces that follow each other from the first frame on."""
        found: list[Path] = []
        reached = 0
        for piece in sorted(self._folder.glob(f"{DIGITS}-{DIGITS}{self._suffix}")):
            first, last = span(piece)
            if first != reached:
                break
            found.append(piece)
            reached = last
        return found

    def _found(self, recipe: str) -> int:
        """Frames in whole pieces of an earlier run that made the same."""
        try:
            earlier = json.loads((self._folder / "recipe.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return 0
        pieces = list(itertools.takewhile(whole, self._pieces()))
        if earlier != {"recipe": recipe, "length": self._length}:
            if pieces:
                log.warning("%s: started again, because its pieces were made in another way", self._path)
            return 0
        return span(pieces[-1])[1] if pieces else 0


def span(piece: Path) -> tuple[int, int]:
    """The first frame of a piece, and the one behind its last."""
    first, _, last = piece.stem.partition("-")
    return int(first), int(last)


def whole(piece: Path) -> bool:
    """Whether a piece holds all the pictures its name promises, the first of which stands for itself."""
    first, last = span(piece)
    try:
        with av.open(address(piece)) as source:
            found = [(p.is_keyframe, p.is_corrupt) for p in packets(source, source.streams.video[0])]
    except (OSError, av.FFmpegError, IndexError):
        return False
    return len(found) == last - first and found[0][0] and not any(corrupt for _, corrupt in found)


def join(pieces: list[Path], target: Path, track: Track | None, frames: int, fps: Rate) -> None:
    """One file of pieces that were encoded alike, and the sound beside them."""
    _, sound_codec, options = CODECS[target.suffix.lower()]
    with av.open(address(target), "w", options=options) as container:
        video: av.VideoStream | None = None
        sound: SoundEncoder | None = None
        for piece in pieces:
            first, last = span(piece)
            with av.open(address(piece)) as source:
                stream = source.streams.video[0]
                if video is None:
                    video = container.add_stream_from_template(stream)
                    sound = SoundEncoder(container, sound_codec, track) if track is not None else None
                for packet in packets(source, stream):
                    shift = round(Fraction(first, fps) / packet.time_base)
                    assert packet.pts is not None and packet.dts is not None
                    packet.pts += shift
                    packet.dts += shift
                    packet.stream = video
                    container.mux(packet)
            if sound is not None:
                sound.fill(Fraction(last, fps))
        if sound is not None:
            sound.finish(Fraction(frames, fps))


def packets(
    source: av.container.InputContainer, stream: av.VideoStream
) -> Iterator[av.Packet[av.VideoStream]]:
    for packet in source.demux(stream):
        if packet.dts is not None:
            yield packet


def flushed(path: Path) -> None:
    """The file's content on the disk, not on its way there."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
