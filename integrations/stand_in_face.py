"""A live face without networks for tests of transports: grey pictures, as bright as their sound is loud."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType

import numpy as np

from cfg.errors import ConfigError, StageError
from ditto.rates import FRAME_RATE
from stream_pipeline.live.frame_readers import FrameReader, FrameReaders
from stream_pipeline.live.voice_queue import Utterance, VoiceQueue
from stream_pipeline.live_face import Event, Finished, Interrupted, LiveFigures, LiveFrame, Started
from stream_pipeline.session import as_voice


class StandInFace:
    """Implements `LiveFace`; a picture is skipped every `skip` frames, and it fails when `fail` is called."""

    def __init__(self, rate: int = 24_000, size: tuple[int, int] = (48, 64), skip: int | None = None) -> None:
        self.rate = rate
        self.size = size
        self._skip = skip
        self._lock = threading.Lock()
        self._voices = VoiceQueue(rate)
        self._open: Utterance | None = None
        self._heard: dict[Utterance, int] = {}
        self._readers = FrameReaders(lambda: None)
        self._subscribers: list[Callable[[Event], None]] = []
        self._turn = 0
        self._over = threading.Event()
        self._error: StageError | None = None
        self._thread = threading.Thread(target=self._perform, daemon=True)

    def __enter__(self) -> StandInFace:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._readers.end(self._error)

    def fail(self) -> None:
        with self._lock:
            self._error = StageError("warp", "frame 7", ValueError("a stand-in that was asked to fail"))
        self._over.set()

    def push(self, samples: object, timeout: float | None = None) -> int:
        with self._lock:
            self._check()
            if self._open is None:
                self._open = self._voices.begin()
            self._open.put(as_voice(samples), time.monotonic())
            return self._open.number

    def flush(self) -> None:
        with self._lock:
            self._check()
            if self._open is not None:
                self._open.close()
                self._open = None

    def interrupt(self) -> float:
        with self._lock:
            self._check()
            cut = dict.fromkeys([*self._heard, *self._voices.clear()])
            seconds = {utterance: self._heard.get(utterance, 0) / self.rate for utterance in cut}
            self._heard.clear()
            self._open = None
            self._turn += 1
            subscribers = tuple(self._subscribers)
        for utterance, heard in seconds.items():
            for tell in subscribers:
                tell(Interrupted(utterance.number, heard))
        return sum(seconds.values())

    def say(self, text: str) -> int:
        raise ConfigError("this face has no voice of its own: push sound")

    def listen(self, samples: object) -> None: ...

    def gesture(self, name: str, *, strength: float = 1.0) -> None: ...

    def feel(self, emotion: object, *, intensity: float = 1.0) -> None: ...

    def control(self, /, **controls: object) -> None: ...

    def frames(self, timeout: float | None = None) -> Iterator[LiveFrame]:
        return self._readers.frames(timeout)

    def reader(self, ready: Callable[[], None] | None = None) -> FrameReader:
        return self._readers.add(ready)

    def subscribe(self, tell: Callable[[Event], None]) -> Callable[[], None]:
        self._subscribers.append(tell)
        return lambda: self._subscribers.remove(tell)

    @property
    def pose(self) -> None:
        """None: there is nothing in it that moves on."""

    @property
    def figures(self) -> LiveFigures:
        return LiveFigures(0, 0, 0.0, 0.0, 0, self._turn, self._voices.seconds)

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _perform(self) -> None:
        index, due = 0, time.monotonic()
        while not self._over.wait(max(0.0, due - time.monotonic())):
            with self._lock:
                frame, events = self._frame(index)
                subscribers = tuple(self._subscribers)
            self._readers.put(frame)
            for event in events:
                for tell in subscribers:
                    tell(event)
            index, due = index + 1, due + 1 / FRAME_RATE
        if self._error is not None:
            self._readers.end(self._error)

    def _frame(self, index: int) -> tuple[LiveFrame, list[Event]]:
        events: list[Event] = []
        sound, number = np.zeros(self.rate // FRAME_RATE, np.float32), None
        first = self._voices.first
        if first is not None and first.frames:
            (voice,), _ = first.take(1)
            sound, number = voice.sound, first.number
            if first not in self._heard:
                events.append(Started(number, index))
            self._heard[first] = self._heard.get(first, 0) + voice.spoken
        ended = [utterance for utterance in self._heard if utterance.over]
        events += [Finished(u.number, self._heard.pop(u) / self.rate) for u in ended]
        image = None
        if self._skip is None or index % self._skip:
            image = np.full((*self.size, 3), round(255 * float(np.abs(sound).max())), np.uint8)
        return LiveFrame(index, self._turn, image, sound, number), events
