"""A program that speaks through a session, by its WebSocket."""

from __future__ import annotations

import json
import threading
import time
from types import TracebackType

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from benchmarks.live_check.recording import Said
from benchmarks.live_check.voice import loudness
from ditto.arrays import Floats


class Caller:
    """Sends sound, and keeps the events that it is told."""

    def __init__(self, url: str, session: str) -> None:
        address = url.replace("http", "ws", 1) + f"/v1/sessions/{session}/ws"
        self._opening = connect(address, proxy=None)
        self._told: list[dict[str, object]] = []
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Caller:
        self._socket = self._opening.__enter__()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
        self._thread.join()

    def say(self, samples: Floats) -> Said:
        """A whole utterance at once; `until` is to be set by who knows."""
        at = 1000 * time.time()
        self._socket.send((samples * 32767).astype("<i2").tobytes())
        self._socket.send('{"type": "flush"}')
        return Said(at, np.inf, loudness(samples))

    def told(self, seconds: float, **wanted: object) -> bool:
        """Whether an event with these members is told within so many seconds from now."""

        def found() -> bool:
            return any(all(said.get(k) == v for k, v in wanted.items()) for said in self._told)

        with self._changed:
            self._told.clear()
            return self._changed.wait_for(found, seconds)

    def _read(self) -> None:
        try:
            for message in self._socket:
                with self._changed:
                    self._told.append(json.loads(message))
                    self._changed.notify_all()
        except ConnectionClosed:
            pass
