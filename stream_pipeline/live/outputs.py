"""Outputs of a live face beside its viewers: a recording, a broadcast, a virtual camera."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib import import_module
from types import ModuleType, TracebackType
from typing import Protocol

import numpy as np

from cfg.errors import Cancelled, ConfigError, DittoError, MediaError, StageError
from cfg.install_hints import installing
from ditto.arrays import Floats, Image
from ditto.media.files import first_line
from ditto.media.live_video import LiveVideo
from ditto.rates import FRAME_RATE
from stream_pipeline.live_face import LiveFace
from stream_pipeline.processor_time import processor_seconds


class LiveSink(Protocol):
    """Takes the frames of a live face, from a thread of its own."""

    def write(self, index: int, image: Image | None, sound: Floats) -> None: ...

    def close(self) -> None: ...


def camera_library() -> ModuleType:
    """The package of virtual cameras; ConfigError where it is missing."""
    try:
        return import_module("pyvirtualcam")
    except ImportError as error:
        raise ConfigError(f"a virtual camera needs pyvirtualcam: {installing('camera')}") from error


class VirtualCamera:
    """A camera that other programs on this machine see; it has no sound."""

    def __init__(self, size: tuple[int, int], device: str | None = None) -> None:
        library = camera_library()
        try:
            self._camera = library.Camera(width=size[1], height=size[0], fps=FRAME_RATE, device=device)
        except (RuntimeError, OSError) as error:
            raise MediaError(f"there is no virtual camera to write to: {first_line(error)}") from error

    def write(self, index: int, image: Image | None, sound: Floats) -> None:
        if image is None:
            return
        try:
            self._camera.send(np.ascontiguousarray(image[..., :3]))
        except (RuntimeError, OSError) as error:
            raise MediaError(f"the virtual camera takes no more pictures: {first_line(error)}") from error

    def close(self) -> None:
        self._camera.close()


class LiveOutput:
    """Writes a face's frames into a sink, from now until it or the face is closed.

    It reads as slowly as the sink takes them: a sink that is slower than the face loses pictures, and
    the face and its viewers lose nothing.
    """

    def __init__(
        self, face: LiveFace, sink: LiveSink, failed: Callable[[DittoError], None] = lambda error: None
    ) -> None:
        """`failed` is told once, from a thread of its own, why it ended before it was closed."""
        self._face = face
        self._sink = sink
        self._failed = failed
        self._ready = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ditto-output", daemon=True)
        self.error: DittoError | None = None  # why it ended before it was closed

    @classmethod
    def to(
        cls, face: LiveFace, target: str, failed: Callable[[DittoError], None] = lambda error: None
    ) -> LiveOutput:
        """To an .mp4 file, or to an address that begins with rtmp:// or rtmps://."""
        return cls(face, LiveVideo(target, face.size, face.rate), failed)

    def __enter__(self) -> LiveOutput:
        self._reader = self._face.reader(self._ready.set)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def processor_seconds(self) -> float:
        """Seconds that its thread has computed, while it runs."""
        return processor_seconds([self._thread])

    def close(self) -> None:
        """Ends it; what was written is whole."""
        self._over.set()
        self._ready.set()
        self._thread.join()

    def _run(self) -> None:
        first: int | None = None
        at = "its start"
        try:
            while not self._over.is_set():
                self._ready.clear()
                frame = self._reader.take()
                if frame is None:
                    self._ready.wait()
                    continue
                first = frame.index if first is None else first
                at = f"frame {frame.index - first}"
                self._sink.write(frame.index - first, frame.image, frame.sound)
        except Cancelled:
            pass
        except Exception as error:
            self._note(at, error)
        self._reader.close()
        try:
            self._sink.close()
        except Exception as error:
            self._note("its end", error)
        if self.error is not None:
            self._failed(self.error)

    def _note(self, at: str, error: Exception) -> None:
        """Keeps the first error: later ones are echoes."""
        if self.error is None:
            self.error = error if isinstance(error, DittoError) else StageError("output", at, error)
