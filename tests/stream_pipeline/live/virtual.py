"""A performance on a virtual clock, with stages that take a stated time for each frame."""

import heapq

import numpy as np

from ditto.rates import SAMPLES_PER_FRAME
from ditto.stages.messages import AudioChunk
from stream_pipeline.live.performance import Hearing, Performance

RATE = 16_000
WINDOWED = Hearing(silence=np.zeros(1, np.float32), lookahead=8, unit=1, delay=0)


class VirtualFace:
    """Drives a performance from moment to moment; what it does at a moment takes no time."""

    def __init__(
        self,
        *,
        hearing=WINDOWED,
        hop=5,
        seconds_a_picture=0.02,
        seconds_of_stages=0.0,
        rate=RATE,
        watched=True,
    ):
        self.now = 0.0
        self.cost = seconds_a_picture
        self.latency = seconds_of_stages  # in which other frames are painted too
        self.hearing = hearing
        self.hop = hop
        self.rate = rate
        self.turn = 0
        self.frames = []
        self.events = []  # (moment, event)
        self.handed = []  # moment of each frame
        self.painted = []  # (turn, frame)
        self._heap = []
        self._order = 0
        self._free = 0.0  # when the painter is free
        self._restart()
        self.performance = Performance(rate, hearing, self._feed)
        self.performance.watched = watched
        self.performance.begin(0.0)
        self.run(1.0)

    def _restart(self):
        self._encoded = 0  # frames the encoder has given of the open voice
        self._samples = 0  # it was given
        self._rows = 0  # of the turn

    def at(self, moment, act):
        """Has something done at a moment."""
        heapq.heappush(self._heap, (moment, self._order, act))
        self._order += 1

    def run(self, seconds):
        until = self.now + seconds
        while True:
            due = self.performance.step(self.now)
            for frame in due.frames:
                self.frames.append(frame)
                self.handed.append(self.now)
            self.events += [(self.now, event) for event in due.events]
            following = [until] + ([due.wake] if due.wake is not None else [])
            if self._heap:
                following.append(self._heap[0][0])
            if min(following) >= until and not (self._heap and self._heap[0][0] <= until):
                self.now = until
                return
            self.now = max(self.now, min(following))
            while self._heap and self._heap[0][0] <= self.now:
                heapq.heappop(self._heap)[2]()

    def push(self, sound, utterance=None):
        utterance = utterance or self.performance.voices.begin()
        utterance.put(np.asarray(sound, np.float32), self.now)
        return utterance

    def say(self, sound):
        """A whole utterance at once."""
        utterance = self.push(sound)
        utterance.close()
        return utterance.number

    def interrupt(self):
        heard, told = self.performance.interrupt(self.now, self._next_turn)
        self.events += [(self.now, event) for event in told]
        return heard

    def told(self, kind):
        return [event for _, event in self.events if isinstance(event, kind)]

    def sound(self, first=0):
        return np.concatenate([frame.sound for frame in self.frames[first:]])

    def _next_turn(self):
        self.turn += 1
        self._restart()
        return self.turn

    def _feed(self, items):
        for item in items:
            before = self._rows
            if isinstance(item, AudioChunk):
                self._samples += len(item.samples)
                heard = self._samples // SAMPLES_PER_FRAME
                if item.pauses:
                    given = -(-self._samples // SAMPLES_PER_FRAME)
                else:
                    ahead = self.hearing.lookahead - self.hop + 1
                    given = max(0, heard - ahead) // self.hop * self.hop
                self._rows += given - self._encoded
                self._encoded = given
                if item.pauses:
                    self._encoded = self._samples = 0
            else:
                assert item.index == self._rows, "silence is fed where speech has ended"
                self._rows += len(item.rows)
            unit, delay = self.hearing.unit, self.hearing.delay
            for frame in range(
                max(0, before // unit * unit - delay), max(0, self._rows // unit * unit - delay)
            ):
                self._paint(item.turn, frame)

    def _paint(self, turn, frame):
        start = max(self.now, self._free)
        self._free = start

        def painted():
            if turn != self.turn or not self.performance.wanted(turn, frame):
                return
            self.painted.append((turn, frame))
            begun = max(self.now, self._free)
            self._free = ready = begun + self.cost
            image = np.full((2, 2, 3), frame % 256, np.uint8)
            self.at(ready + self.latency, lambda: self.performance.arrived(turn, frame, image, self.now))

        self.at(start, painted)
