"""Networks opened on demand, each once however many streams run it."""

from __future__ import annotations

import threading
from pathlib import Path

from model_formats.backend import Backend
from model_formats.opening import open_model


class SharedModels:
    """Networks that stay open until all are closed. May be asked from several threads."""

    def __init__(self, device: str = "cpu", threads: int | None = None) -> None:
        """`threads` of one call on the CPU, where a network does not say otherwise; None is all cores."""
        self._device = device
        self._threads = threads
        self._lock = threading.Lock()
        self._open: dict[Path, Backend] = {}

    def open(self, path: Path, *, device: str | None = None, threads: int | None = None) -> Backend:
        """The network of a file. `device` and `threads` count where it is opened for the first time."""
        place = path.resolve()
        with self._lock:
            if place not in self._open:
                self._open[place] = open_model(
                    path, device=device or self._device, threads=threads or self._threads
                )
            return self._open[place]

    def close(self) -> None:
        with self._lock:
            for network in self._open.values():
                network.close()
            self._open.clear()
