"""A live face without networks, for those who build against the interface: its mouth is a bar."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType

import cv2
import numpy as np

from cfg.errors import Cancelled, ConfigError, in_one_line
from ditto.arrays import Floats, Image
from ditto.motion.emotion import emotion_label
from ditto.motion.gestures import gesture_named
from ditto.rates import FRAME_RATE, SAMPLE_RATE
from stream_pipeline.live.frame_readers import FrameReader, FrameReaders
from stream_pipeline.live_face import (
    Event,
    Failed,
    Finished,
    Interrupted,
    Listening,
    LiveFigures,
    LiveFrame,
    Position,
    Started,
    Starved,
)
from stream_pipeline.processor_time import processor_seconds
from stream_pipeline.samples import Samples
from stream_pipeline.session import as_voice

MAX_QUEUED_SECONDS = 120.0  # of sound that may wait
FADE_SECONDS = 0.02  # in which an interrupted voice ends
LOUD = 0.02  # root mean square of a frame's sound above which its corner is lit
HEARD_LOUD = 0.02  # of the other person's voice
SYLLABLE_SECONDS = 0.12

Speak = Callable[[str], Iterable[Floats]]


class Utterance:
    """Sound of one utterance that is not heard yet."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.sound = Samples()
        self.heard = 0  # samples
        self.rest: Iterator[Floats] | None = None  # of a text, to be made once there is room
        self.closed = False
        self.starved = False

    def take(self, count: int) -> Floats:
        """Up to so many samples."""
        return self.sound.take(min(count, len(self.sound)))


class MockFace:
    """Implements `LiveFace`: every frame is due, is on time, and shows its number and how loud it is.

    The square at the upper left is white in frames whose sound is loud, so that whoever receives both can
    measure how far apart they are.
    """

    def __init__(self, portrait: Image, *, rate: int = SAMPLE_RATE, speak: Speak | None = None) -> None:
        if rate % FRAME_RATE:
            raise ConfigError(f"rate is {rate}, but must be a multiple of {FRAME_RATE}")
        self.rate = rate
        self.size = (portrait.shape[0], portrait.shape[1])
        self._portrait = portrait
        self._speak = speak if speak is not None else beeps(rate)
        self._changed = threading.Condition()  # guards all that follows
        self._queue: deque[Utterance] = deque()
        self._open: Utterance | None = None
        self._utterances = self._frames = self._turn = 0
        self._readers = FrameReaders(lambda: None)
        self._subscribers: list[Callable[[Event], None]] = []
        self._untold: list[Event] = []
        self._fading = np.zeros(0, np.float32)
        self._doing = ""
        self._listening_since: int | None = None  # frame
        self._other_heard = 0  # frame in which the other person was last loud
        self._over = False
        self._thread = threading.Thread(target=self._perform, name="ditto-mock", daemon=True)

    def __enter__(self) -> MockFace:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()
        self._thread.join()
        self._readers.end()

    def push(self, samples: object, timeout: float | None = None) -> int:
        voice = as_voice(samples)
        with self._changed:
            self._check()
            if not self._changed.wait_for(lambda: self._over or self._seconds < MAX_QUEUED_SECONDS, timeout):
                raise TimeoutError(f"{MAX_QUEUED_SECONDS:g} seconds of sound are waiting already")
            self._check()
            if self._open is None:
                self._open = self._begin()
            self._open.sound.put(voice)
            return self._open.number

    def flush(self) -> None:
        with self._changed:
            if self._open is not None:
                self._open.closed = True
                self._open = None

    def interrupt(self) -> float:
        with self._changed:
            self._check()
            self._turn += 1
            heard = 0.0
            for utterance in self._queue:
                if utterance.heard:
                    heard = utterance.heard / self.rate
                    self._fading = utterance.take(round(FADE_SECONDS * self.rate))
                    self._fading *= np.linspace(1, 0, len(self._fading), dtype=np.float32)
                utterance.closed = True
                self._untold.append(Interrupted(utterance.number, utterance.heard / self.rate))
            self._queue.clear()
            self._open = None
            self._changed.notify_all()
            return heard

    def say(self, text: str) -> int:
        if not text.strip():
            raise ConfigError("there is no text to say; give at least one word")
        pieces = iter(self._speak(text))
        with self._changed:
            self._check()
            utterance = self._begin()
        self._make(utterance, pieces)
        return utterance.number

    def listen(self, samples: object) -> None:
        heard = as_voice(samples)
        with self._changed:
            if len(heard) and float(np.sqrt(np.mean(heard**2))) > HEARD_LOUD:
                self._other_heard = self._frames
                if self._listening_since is None:
                    self._listening_since = self._frames
                    self._untold.append(Listening(True, 0.0))

    def gesture(self, name: str, *, strength: float = 1.0) -> None:
        self._doing = gesture_named(name)

    def feel(self, emotion: object, *, intensity: float = 1.0) -> None:
        for one in emotion if isinstance(emotion, list) else [emotion]:
            if one != "default":
                emotion_label(one)
        self._doing = str(emotion)

    def control(self, /, **controls: object) -> None:
        self._doing = ", ".join(controls)

    def frames(self, timeout: float | None = None) -> Iterator[LiveFrame]:
        return self._readers.frames(timeout)

    def reader(self, ready: Callable[[], None] | None = None) -> FrameReader:
        return self._readers.add(ready)

    def subscribe(self, tell: Callable[[Event], None]) -> Callable[[], None]:
        with self._changed:
            self._subscribers.append(tell)

        def end() -> None:
            with self._changed:
                if tell in self._subscribers:
                    self._subscribers.remove(tell)

        return end

    @property
    def pose(self) -> None:
        """None: there is nothing in it that moves on."""

    @property
    def figures(self) -> LiveFigures:
        with self._changed:
            spent = processor_seconds([self._thread])
            return LiveFigures(
                *(self._frames, 0, 1.0, 0.0, 0, self._turn, self._seconds), processor_seconds=spent
            )

    @property
    def _seconds(self) -> float:
        return sum(len(utterance.sound) for utterance in self._queue) / self.rate

    def _check(self) -> None:
        if self._over:
            raise Cancelled("the face is closed")

    def _begin(self) -> Utterance:
        self._utterances += 1
        utterance = Utterance(self._utterances - 1)
        self._queue.append(utterance)
        return utterance

    def _make(self, utterance: Utterance, pieces: Iterator[Floats]) -> None:
        """Makes a text's sound as far as there is room for it."""
        try:
            while not utterance.closed:
                with self._changed:
                    if self._seconds >= MAX_QUEUED_SECONDS:
                        utterance.rest = pieces
                        return
                piece = next(pieces, None)
                with self._changed:
                    if piece is None:
                        utterance.closed = True
                    else:
                        utterance.sound.put(as_voice(piece))
        except Exception as error:
            with self._changed:
                utterance.closed = True
                self._untold.append(Failed(utterance.number, in_one_line(str(error))))

    def _make_more(self) -> None:
        for utterance in tuple(self._queue):
            if utterance.rest is not None:
                pieces, utterance.rest = utterance.rest, None
                self._make(utterance, pieces)

    def _perform(self) -> None:
        """Keeps the time: frame n begins n / 25 seconds after the first."""
        began = time.monotonic()
        while True:
            with self._changed:
                due = began + self._frames / FRAME_RATE
                if self._changed.wait_for(lambda: self._over, max(0.0, due - time.monotonic())):
                    self._changed.notify_all()
                    return
                sound, utterance = self._voice()
                self._hush()
                index, turn, watched = self._frames, self._turn, len(self._readers) > 0
                self._frames += 1
                events, self._untold = self._untold, []
                subscribers = tuple(self._subscribers)
            image = self._draw(index, sound) if watched else None
            frame = LiveFrame(index, turn, image, sound, utterance)
            self._readers.put(frame)
            for event in events:
                for tell in subscribers:
                    tell(event)

    def _voice(self) -> tuple[Floats, int | None]:
        """Sound of the next frame, and the utterance that it belongs to."""
        size = self.rate // FRAME_RATE
        sound = np.zeros(size, np.float32)
        sound[: len(self._fading)] = self._fading[:size]
        self._fading = np.zeros(0, np.float32)
        self._make_more()
        if not self._queue:
            return sound, None
        first = self._queue[0]
        if len(first.sound) < size and not first.closed:
            if first.heard and not first.starved:
                first.starved = True
                self._untold.append(Starved(first.number))
            return sound, None
        before, taken = first.heard, first.take(size)
        first.heard += len(taken)
        first.starved = False
        if not before and len(taken):
            self._untold.append(Started(first.number, self._frames))
        if first.heard // self.rate > before // self.rate:
            self._untold.append(Position(first.number, first.heard / self.rate))
        if first.closed and not len(first.sound):
            self._queue.popleft()
            self._untold.append(Finished(first.number, first.heard / self.rate))
        sound[: len(taken)] = taken
        return sound, first.number

    def _hush(self) -> None:
        """The other person has ended where they were not loud for half a second."""
        since = self._listening_since
        if since is not None and self._frames - self._other_heard > FRAME_RATE // 2:
            self._untold.append(Listening(False, (self._other_heard - since + 1) / FRAME_RATE))
            self._listening_since = None

    def _draw(self, index: int, sound: Floats) -> Image:
        image: Image = self._portrait.copy()
        height, width = self.size
        level = float(np.sqrt(np.mean(sound**2)))
        mouth = round(min(1.0, 4 * level) * height / 12) + 2
        left, right, middle = round(0.42 * width), round(0.58 * width), round(0.62 * height)
        cv2.rectangle(image, (left, middle - mouth), (right, middle + mouth), (150, 40, 50), -1)
        corner = 255 if level > LOUD else 0
        cv2.rectangle(image, (0, 0), (width // 8, height // 8), (corner,) * 3, -1)
        seconds, rest = divmod(index, FRAME_RATE)
        said = f"{seconds // 60:02d}:{seconds % 60:02d}.{rest:02d} {self._doing}"
        place, font = (width // 6, height // 12), cv2.FONT_HERSHEY_SIMPLEX
        cv2.putText(image, said, place, font, width / 800, (255, 255, 255), 2, cv2.LINE_AA)
        return image


def beeps(rate: int) -> Speak:
    """A voice of tones, one a syllable, for texts where no speech synthesiser is wanted."""
    times = np.arange(round(SYLLABLE_SECONDS * rate)) / rate
    shape = np.minimum(1, np.minimum(times, times[::-1]) * 100)

    def speak(text: str) -> Iterator[Floats]:
        for word in text.split():
            for place in range(0, len(word), 3):
                tone = 160 + 12 * (sum(map(ord, word[place : place + 3])) % 12)
                yield np.asarray(0.2 * shape * np.sin(2 * np.pi * tone * times), np.float32)
            yield np.zeros(len(times) // 2, np.float32)

    return speak
