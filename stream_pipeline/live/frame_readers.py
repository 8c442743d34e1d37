"""Frames of a live face handed to any number of readers, none of which holds up the others."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from cfg.errors import Cancelled
from stream_pipeline.live_face import LiveFrame

MAX_PICTURES = 2  # that wait for a reader; older frames keep their sound alone
MAX_FRAMES = 50  # two seconds of sound that wait for a reader


class FrameReader:
    """Frames for one reader, from the moment it was made."""

    def __init__(self, ended: Callable[[FrameReader], None], ready: Callable[[], None] | None = None) -> None:
        """`ready` is called from another thread when there is something to take."""
        self._ended = ended
        self._ready = ready
        self._frames: deque[LiveFrame] = deque()
        self._changed = threading.Condition()
        self._over = False
        self._error: Exception | None = None

    def put(self, frame: LiveFrame) -> None:
        with self._changed:
            self._frames.append(frame)
            while len(self._frames) > MAX_FRAMES:
                self._frames.popleft()
            if len(self._frames) > MAX_PICTURES:
                late = len(self._frames) - MAX_PICTURES - 1
                self._frames[late] = dataclasses.replace(self._frames[late], image=None)
            self._changed.notify_all()
        if self._ready is not None:
            self._ready()

    def end(self, error: Exception | None = None) -> None:
        """No more frames; who waits is told why."""
        with self._changed:
            self._over, self._error = True, error
            self._changed.notify_all()
        if self._ready is not None:
            self._ready()

    def take(self) -> LiveFrame | None:
        """The next frame if there is one; raises Cancelled, or what went wrong, after the last."""
        with self._changed:
            if self._frames:
                return self._frames.popleft()
            if self._over:
                raise self._error or Cancelled("the face is closed")
            return None

    def get(self, timeout: float | None = None) -> LiveFrame:
        """The next frame; TimeoutError after `timeout` seconds without one."""
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            frame = self.take()
            if frame is not None:
                return frame
            with self._changed:
                left = None if until is None else until - time.monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError("no frame in time")
                if not self._frames and not self._over:
                    self._changed.wait(None if left is None else min(left, threading.TIMEOUT_MAX))

    def close(self) -> None:
        """Frames are wanted no more."""
        self._ended(self)


class FrameReaders:
    """All readers of a face."""

    def __init__(self, changed: Callable[[], None]) -> None:
        """`changed` is called when the first reader comes or the last one has gone."""
        self._changed = changed
        self._lock = threading.Lock()
        self._readers: list[FrameReader] = []
        self._over = False
        self._error: Exception | None = None

    def __len__(self) -> int:
        return len(self._readers)

    def add(self, ready: Callable[[], None] | None = None) -> FrameReader:
        reader = FrameReader(self._remove, ready)
        with self._lock:
            over = self._over
            if not over:
                self._readers.append(reader)
        if over:
            reader.end(self._error)
        self._changed()
        return reader

    def frames(self, timeout: float | None = None) -> Iterator[LiveFrame]:
        """Frames from now on, until the face is closed."""
        return self._frames_of(self.add(), timeout)

    @staticmethod
    def _frames_of(reader: FrameReader, timeout: float | None) -> Iterator[LiveFrame]:
        try:
            while True:
                try:
                    frame = reader.get(timeout)
                except Cancelled:
                    return
                yield frame
        finally:
            reader.close()

    def put(self, frame: LiveFrame) -> None:
        with self._lock:
            readers = tuple(self._readers)
        for reader in readers:
            reader.put(frame)

    def end(self, error: Exception | None = None) -> None:
        """No more frames for anybody."""
        with self._lock:
            if self._over:
                return
            self._over, self._error = True, error
            readers = tuple(self._readers)
        for reader in readers:
            reader.end(error)

    def _remove(self, reader: FrameReader) -> None:
        with self._lock:
            if reader in self._readers:
                self._readers.remove(reader)
        self._changed()
