"""A live face on a virtual clock, with stages that take a stated time for each frame."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats
from ditto.rates import SAMPLE_RATE, SAMPLES_PER_FRAME
from ditto.stages.messages import AudioChunk, Features
from stream_pipeline.live.hearing import Hearing
from stream_pipeline.live.performance import Performance
from stream_pipeline.live.voice_queue import Utterance
from stream_pipeline.live_face import Event, LiveFrame

HOP_FRAMES = 5  # that the simulated encoder gives at once
WINDOWED = Hearing(silence=np.zeros(1, np.float32), lookahead=8, unit=1, delay=0)  # the built-in pack's
PICTURE_SIDE = 2  # pixels of a simulated picture


class VirtualFace:
    """Drives a performance from moment to moment; what it does at a moment takes no time."""

    def __init__(
        self,
        *,
        hearing: Hearing = WINDOWED,
        seconds_a_picture: float = 0.02,
        seconds_of_stages: float = 0.0,
        seconds_of_motion: float = 0.0,
        rate: int = SAMPLE_RATE,
        watched: bool = True,
        rests: bool = False,
    ) -> None:
        """`seconds_a_picture` keep the painter busy; `seconds_of_stages` pass while others are painted;
        `seconds_of_motion` are those of one window of motion; one that `rests` begins when it is watched."""
        self.now = 0.0
        self.cost = seconds_a_picture
        self.latency = seconds_of_stages
        self.motion = seconds_of_motion
        self.hearing = hearing
        self.turn = 0
        self.frames: list[LiveFrame] = []
        self.events: list[tuple[float, Event]] = []
        self.handed: list[float] = []  # moment of each frame
        self.painted: list[tuple[int, int]] = []  # turn and frame
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0
        self._painter_free = self._motion_free = 0.0
        self._restart()
        self.performance = Performance(rate, hearing, self._feed)
        self.performance.watched = watched
        self.performance.begin(0.0, rests)
        self.run(1.0 + 80 * seconds_a_picture + 2 * seconds_of_motion)

    def _restart(self) -> None:
        self._encoded = 0  # frames the encoder has given of the open voice
        self._samples = 0  # it was given
        self._rows = 0  # of the turn

    def at(self, moment: float, act: Callable[[], object]) -> None:
        """Has something done at a moment."""
        heapq.heappush(self._heap, (moment, self._order, cast("Callable[[], None]", act)))
        self._order += 1

    def run(self, seconds: float) -> None:
        """Lets so much time pass."""
        until = self.now + seconds
        while True:
            due = self.performance.step(self.now)
            for frame in due.frames:
                self.frames.append(frame)
                self.handed.append(self.now)
            self.events += [(self.now, event) for event in due.events]
            following = [until] if due.wake is None else [until, due.wake]
            if self._heap:
                following.append(self._heap[0][0])
            if min(following) >= until and not (self._heap and self._heap[0][0] <= until):
                self.now = until
                return
            self.now = max(self.now, min(following))
            while self._heap and self._heap[0][0] <= self.now:
                heapq.heappop(self._heap)[2]()

    def push(self, sound: npt.ArrayLike, utterance: Utterance | None = None) -> Utterance:
        """Sound of an utterance that goes on."""
        utterance = utterance or self.performance.voices.begin()
        utterance.put(np.asarray(sound, np.float32), self.now)
        return utterance

    def say(self, sound: npt.ArrayLike) -> int:
        """A whole utterance at once."""
        utterance = self.push(sound)
        utterance.close()
        return utterance.number

    def interrupt(self) -> float:
        heard, told = self.performance.interrupt(self.now, self._next_turn)
        self.events += [(self.now, event) for event in told]
        return heard

    def told(self, kind: type[Event]) -> list[Event]:
        """Events of one kind."""
        return [event for _, event in self.events if isinstance(event, kind)]

    def sound(self, first: int = 0) -> Floats:
        """All that was heard since a frame."""
        return np.concatenate([frame.sound for frame in self.frames[first:]])

    def _next_turn(self) -> int:
        self.turn += 1
        self._restart()
        return self.turn

    def _feed(self, items: Sequence[object]) -> None:
        for item in items:
            before = self._made()
            if isinstance(item, AudioChunk):
                self._hear(item)
            else:
                assert isinstance(item, Features)
                assert item.index == self._rows, "silence is fed where speech has ended"
                self._rows += len(item.rows)
            for frame in range(before, self._made()):
                self._move(self.turn, frame)

    def _hear(self, chunk: AudioChunk) -> None:
        self._samples += len(chunk.samples)
        heard = -(-self._samples // SAMPLES_PER_FRAME)
        ahead = self.hearing.lookahead - HOP_FRAMES + 1
        given = heard if chunk.pauses else max(0, heard - ahead) // HOP_FRAMES * HOP_FRAMES
        self._rows += given - self._encoded
        self._encoded = given
        if chunk.pauses:
            self._encoded = self._samples = 0

    def _made(self) -> int:
        """Frames of the turn whose motion is known."""
        unit = self.hearing.unit
        return max(0, self._rows // unit * unit - self.hearing.delay)

    def _move(self, turn: int, frame: int) -> None:
        if frame % self.hearing.unit == 0:
            self._motion_free = max(self.now, self._motion_free) + self.motion
        start = max(self.now, self._motion_free, self._painter_free)
        self._painter_free = start
        self.at(start, lambda: self._paint(turn, frame))

    def _paint(self, turn: int, frame: int) -> None:
        if turn != self.turn or not self.performance.wanted(turn, frame):
            return
        self.painted.append((turn, frame))
        ready = self._painter_free = max(self.now, self._painter_free) + self.cost
        image = np.full((PICTURE_SIDE, PICTURE_SIDE, 3), frame % 256, np.uint8)
        self.at(ready + self.latency, lambda: self.performance.arrived(turn, frame, image, self.now))
