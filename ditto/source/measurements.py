"""Measurements of each frame of a video, kept in a temporary file whatever the video's length."""

from __future__ import annotations

import dataclasses
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from cfg.errors import MediaError
from ditto.arrays import Floats
from ditto.motion.vector import named_arrays, source_motion
from ditto.source.avatar import Made, SourceFrame

SEEN, PICTURE = "seen", "picture"


class Measurements:
    """Records of one size, one a frame; may be read and added to from several threads."""

    def __init__(self) -> None:
        self.complete = False
        self.count = 0
        with full_disk_told():
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - lives as long as the avatar
        self._lock = threading.Lock()
        self._size = 0

    def add(self, index: int, frame: SourceFrame[object]) -> None:
        """Adds the frame shown at `index`; `frame.index` differs where an earlier frame is held."""
        record = np.concatenate([part.ravel() for part in _parts(frame).values()]).astype(np.float32)
        with self._lock, full_disk_told():
            if index == self.count:
                self._size = record.nbytes
                self._file.seek(self.count * self._size)
                left = memoryview(record.tobytes())
                while left:
                    left = left[self._file.write(left) :]
                self.count += 1

    def read(self, index: int, like: SourceFrame[Made]) -> SourceFrame[Made]:
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
            index=int(values.pop(PICTURE)[0]),
            seen=bool(values.pop(SEEN)[0]),
            eye_open=values.pop("eye_open"),
            eye_ball=values.pop("eye_ball"),
            to_frame=values.pop("to_frame"),
            landmarks=values.pop("landmarks"),
            motion=source_motion(values),
            appearance=None,
        )

    def close(self) -> None:
        self._file.close()


@contextmanager
def full_disk_told() -> Iterator[None]:
    """Says where a temporary file lies that cannot be written."""
    try:
        yield
    except OSError as error:
        raise MediaError(
            f"{os.environ.get('TMPDIR', 'the folder for temporary files')}: cannot be written "
            f"({error.strerror}); a video's measurements need room there: free some, or set TMPDIR"
        ) from error


def _parts(frame: SourceFrame[object]) -> dict[str, Floats]:
    return {
        **named_arrays(frame.motion),
        "eye_open": frame.eye_open,
        "eye_ball": frame.eye_ball,
        "to_frame": frame.to_frame,
        "landmarks": frame.landmarks,
        SEEN: np.array([frame.seen], np.float32),
        PICTURE: np.array([frame.index], np.float32),  # exact up to 16 million frames, 186 hours
    }
