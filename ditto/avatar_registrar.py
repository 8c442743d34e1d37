"""Stage 1: the portrait or video, read, its face found and measured, frame by frame.

A portrait is one frame, measured once. A video is played back and forth; on its first pass each
frame is tracked and measured, later passes reuse the small measurements (kept in a temporary
file, whatever the video's length) and paint from freshly decoded pictures. Pictures and feature
volumes live only as long as somebody downstream holds them.
"""

from __future__ import annotations

import dataclasses
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import numpy as np

from cfg.errors import MediaError
from ditto.avatar import SourceFrame
from ditto.messages import Floats, Image
from ditto.pack import Analyser

NAME = "avatar registrar"


class Frames(Protocol):
    """The pictures of a video in source order."""

    def frame(self, index: int) -> Image:
        """Raises IndexError past the last one."""

    def close(self) -> None: ...


class RegisteredAvatar(Protocol):
    """What an engine hands out for a source; may be played by many sessions at once."""

    is_image: bool
    first: SourceFrame

    def play(self) -> Iterator[SourceFrame]:
        """Source frames in the order they are shown, tagged 0, 1, 2, … by that order."""

    def close(self) -> None: ...


class StillAvatar:
    """A portrait."""

    is_image = True

    def __init__(self, frame: SourceFrame) -> None:
        self.first = frame

    def play(self) -> Iterator[SourceFrame]:
        yield self.first

    def close(self) -> None:
        """Nothing is held open."""


class MovingAvatar:
    """A video, back and forth for as long as somebody plays it."""

    is_image = False

    def __init__(
        self,
        open_frames: Callable[[], Frames],
        new_analyser: Callable[[], Analyser],
        smoothing: int = 1,
        limit: int | None = None,
    ) -> None:
        """`smoothing` frames are averaged over; `limit` uses only the first so many frames."""
        self._open_frames = open_frames
        self._new_analyser = new_analyser
        self._reach = smoothing // 2 if smoothing > 1 else 0
        self._limit = limit
        with _Closing(open_frames()) as frames:
            image = self._read(frames, 0)
            if image is None:
                raise MediaError("the source video has no frames")
            self.first = new_analyser().analyse(image, 0)
        self._known = Measurements()

    def play(self) -> Iterator[SourceFrame]:
        with _Closing(self._open_frames()) as frames:
            analyser = self._new_analyser()
            shown = 0
            if not self._known.complete:
                for frame in self._first_pass(frames, analyser):
                    yield frame
                    shown += 1
            count = self._known.count
            while True:
                index = bounce(shown, count)
                known = self._known.read(index, self.first)
                yield analyser.revisit(frames.frame(index), known)
                shown += 1

    def close(self) -> None:
        self._known.close()

    def _first_pass(self, frames: Frames, analyser: Analyser) -> Iterator[SourceFrame]:
        """Every frame once, its motion averaged over its neighbours on both sides."""
        near: deque[SourceFrame] = deque(maxlen=2 * self._reach + 1)
        read = given = 0
        ended = False
        while not ended or given < read:
            if not ended:
                image = self._read(frames, read)
                if image is None:
                    ended = True
                else:
                    near.append(analyser.analyse(image, read))
                    read += 1
            if given + self._reach < read or (ended and given < read):
                around = [f for f in near if abs(f.index - given) <= self._reach]
                centre = next(f for f in around if f.index == given)
                smooth = dataclasses.replace(centre, motion=average([f.motion for f in around]))
                self._known.add(smooth)
                given += 1
                yield smooth
        self._known.complete = True

    def _read(self, frames: Frames, index: int) -> Image | None:
        if self._limit is not None and index >= self._limit:
            return None
        try:
            return frames.frame(index)
        except IndexError:
            return None


class Measurements:
    """What was measured on each frame of a video, as fixed-size records in a temporary file."""

    def __init__(self) -> None:
        self.complete = False
        self.count = 0
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the avatar
        self._lock = threading.Lock()
        self._size = 0

    def add(self, frame: SourceFrame) -> None:
        """Keep a frame's measurements; one that is known already is left as it is."""
        record = np.concatenate([part.ravel() for part in _parts(frame).values()]).astype(np.float32)
        with self._lock:
            if frame.index == self.count:
                self._size = record.nbytes
                self._file.seek(self.count * self._size)
                self._file.write(record.tobytes())
                self.count += 1

    def read(self, index: int, like: SourceFrame) -> SourceFrame:
        """The measurements of a frame, without picture and appearance; `like` gives the shapes."""
        with self._lock:
            self._file.seek(index * self._size)
            record = np.frombuffer(self._file.read(self._size), np.float32)
        values: dict[str, Floats] = {}
        at = 0
        for name, part in _parts(like).items():
            values[name] = record[at : at + part.size].reshape(part.shape).copy()
            at += part.size
        return dataclasses.replace(
            like,
            index=index,
            eye_open=values.pop("eye_open"),
            eye_ball=values.pop("eye_ball"),
            to_frame=values.pop("to_frame"),
            landmarks=values.pop("landmarks"),
            motion=values,
            appearance=None,
        )

    def close(self) -> None:
        self._file.close()


class Playback:
    """Source frames by output frame, for one stream; what the stitch stage asks.

    Frames come from the registrar's thread through `receive`. An output index that falls back to
    0 is a new turn: the source plays on from where it is.
    """

    def __init__(self, avatar: RegisteredAvatar, receive: Callable[[], SourceFrame]) -> None:
        self.is_image = avatar.is_image
        self._receive = receive
        self._current: SourceFrame | None = None
        self._asked = -1

    def frame(self, index: int) -> SourceFrame:
        steps = index - self._asked if index >= self._asked else index + 1
        self._asked = index
        if self._current is None or not self.is_image:
            for _ in range(1 if self.is_image else steps):
                self._current = self._receive()
        assert self._current is not None
        return self._current


def bounce(position: int, count: int) -> int:
    """Index played at a position when going back and forth: 0 … n-1, n-1 … 0, 0 …"""
    round_trip, step = divmod(position, count)
    return step if round_trip % 2 == 0 else count - 1 - step


def average(motions: list[Mapping[str, Floats]]) -> dict[str, Floats]:
    """The mean of several motions, part by part."""
    return {key: np.mean([m[key] for m in motions], axis=0, dtype=np.float32) for key in motions[0]}


def _parts(frame: SourceFrame) -> dict[str, Floats]:
    return {
        **frame.motion,
        "eye_open": frame.eye_open,
        "eye_ball": frame.eye_ball,
        "to_frame": frame.to_frame,
        "landmarks": frame.landmarks,
    }


class _Closing:
    def __init__(self, frames: Frames) -> None:
        self._frames = frames

    def __enter__(self) -> Frames:
        return self._frames

    def __exit__(self, *_: object) -> None:
        self._frames.close()
