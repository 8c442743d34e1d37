"""Time line of a live face: what is fed, shown and told at a moment; it owns no thread and reads no clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ditto.arrays import Floats, Image
from ditto.rates import FRAME_RATE
from stream_pipeline.live.feeder import Feeder
from stream_pipeline.live.pace import Ladder, Lead
from stream_pipeline.live.voice_queue import VoiceFrame, VoiceQueue
from stream_pipeline.live_face import (
    Degraded,
    Event,
    Finished,
    Interrupted,
    LiveFigures,
    LiveFrame,
    Position,
    Started,
    Starved,
)

FRAME = 1 / FRAME_RATE  # seconds
CUSHION_FRAMES = 3  # of speech that are painted ahead, where there is some
FADE_SECONDS = 0.02  # in which a voice that is interrupted fades
STOPPED_SECONDS = 1.0  # without a step, after which time is taken to have stood still
EDGE_SECONDS = 0.005  # in which it fades where it stops in its middle
SLEEP_SECONDS = 2.0  # without a reader and without speech, after which a face rests
WARM_FRAMES = 10  # of silence through the encoder, before time starts

Feed = Callable[[Sequence[object]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """What a pack makes of sound, as far as time is concerned."""

    silence: Floats  # (C,) features of silence
    lookahead: int  # frames that the encoder may hold back
    unit: int  # rows that motion is made for at once
    delay: int  # frames of motion that are held back


@dataclass(slots=True)
class Due:
    """What a step gives."""

    frames: list[LiveFrame] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    wake: float | None = None  # when the next step is due; None until something changes


class Performance:
    """One face's time line. Its owner locks, and steps it whenever it asks or something has changed.

    Frame n of the face is due n * 40 ms after the first picture was ready. A turn's own frames are
    counted from `base` on.
    """

    def __init__(self, rate: int, hearing: Hearing, feed: Feed) -> None:
        self.voices = VoiceQueue(rate)
        self.lead = Lead()
        self.ladder = Ladder()
        self.next = 0  # number of the frame given next
        self.late = 0  # frames that had no picture of their own
        self.shown: tuple[int, int] | None = None  # turn, and frame of the turn, last seen
        self.watched = False  # whether anybody looks
        self._rate = rate
        self._hearing = hearing
        self._feed = feed
        self._feeder = self._new_feeder(0)
        self._base = 0
        self._zero: float | None = None  # when frame 0 was due; None until its picture is there
        self._now = 0.0
        self._pictures: dict[int, Image] = {}
        self._spare: Image | None = None  # a picture that came too late for its own frame
        self._fed: dict[int, tuple[float, bool]] = {}  # by frame: when, and whether with speech
        self._tail: Floats | None = None  # what is still heard of an interrupted voice
        self._heard: dict[int, int] = {}  # samples of utterances that have begun and not ended
        self._busy_until = 0.0  # of late somebody looked, or it spoke
        self._rests = False
        self._speaking: int | None = None  # utterance of the last frame

    @property
    def turn(self) -> int:
        return self._feeder.turn

    @property
    def figures(self) -> LiveFigures:
        return LiveFigures(
            frames=self.next,
            late=self.late,
            compute_ms=1000 * self.lead.median,
            lead_ms=1000 * self.lead.seconds,
            step=self.ladder.step,
            turns=self.turn,
            queued_seconds=self.voices.seconds,
        )

    def begin(self, now: float) -> None:
        """Feeds the first frames; time starts when the first picture arrives."""
        self._busy_until = now + SLEEP_SECONDS
        self._feeder.warm(WARM_FRAMES)
        self._fed = dict.fromkeys(range(WARM_FRAMES), (now, True))

    def wanted(self, turn: int, frame: int) -> bool:
        """Whether a frame of a turn is still worth painting. May be asked from any thread."""
        number = self._base + frame
        if turn != self.turn or number % self.ladder.every:
            return False
        return self._zero is None or (self.watched and self._zero + (number + 1) * FRAME > self._now)

    def step(self, now: float) -> Due:
        """Gives what is due at `now`, feeds what has to be, and says when to come again."""
        self._now = now
        due = Due()
        if self._zero is None:
            return due
        if self.voices.first is not None or self._feeder.speaks or self.watched:
            self._busy_until = now + SLEEP_SECONDS
        if self._slept(now):
            return due
        if now - self._due(self.next) > STOPPED_SECONDS:
            self._zero += now - self._due(self.next)
        while self._due(self.next) <= now:
            self._ensure(self.next + 2, self.next + 2, now)
            due.frames.append(self._frame(due.events))
        ahead = int((now + self.lead.seconds - self._zero) / FRAME) + 1
        self._ensure(ahead, ahead + CUSHION_FRAMES, now)
        following = self._base + self._feeder.certain
        due.wake = min(self._due(self.next), max(self._due(following) - self.lead.seconds, now + 0.001))
        return due

    def arrived(self, turn: int, frame: int, image: Image, now: float) -> None:
        """A picture is ready."""
        if turn != self.turn:
            return
        number = self._base + frame
        fed, speech = self._fed.pop(number, (now, False))
        self.lead.took(max(0.0, now - fed), speech)
        if self._zero is None:
            self._zero = now - number * FRAME
            self.next = number
        if number < self.next:
            self._spare = image
        else:
            self._pictures[number] = image

    def interrupt(self, now: float, next_turn: Callable[[], int]) -> tuple[float, list[Event]]:
        """Drops what is queued; seconds heard of the utterance that is cut off, and what is to be told.

        What is handed out next ends its sound within 40 ms from now.
        """
        planned = self._feeder.planned
        cut = next((voice for voice in planned if voice is not None), None)
        self._tail = None
        if planned and planned[0] is not None and self._zero is not None:
            left = self._due(self.next) - now
            self._tail = faded(planned[0].sound, self._rate, FRAME - left)
        turn = next_turn()
        waiting = self.voices.clear()
        numbers = sorted({*self._heard, *(utterance.number for utterance in waiting)})
        if cut is not None and cut.utterance not in numbers:
            numbers.insert(0, cut.utterance)
        told: list[Event] = [Interrupted(n, self._heard.get(n, 0) / self._rate) for n in numbers]
        heard = sum(self._heard.values()) / self._rate
        self._heard.clear()
        self._pictures.clear()
        self._fed.clear()
        self._spare = None
        self._speaking = None
        self._base = self.next
        self._feeder = self._new_feeder(turn)
        return heard, told

    def _new_feeder(self, turn: int) -> Feeder:
        hearing = self._hearing
        return Feeder(
            self._feed,
            self.voices,
            hearing.silence,
            turn=turn,
            lookahead=hearing.lookahead,
            unit=hearing.unit,
            delay=hearing.delay,
        )

    def _due(self, number: int) -> float:
        assert self._zero is not None
        return self._zero + number * FRAME

    def _slept(self, now: float) -> bool:
        """Whether the face rests because nobody looks; its time stands still meanwhile."""
        assert self._zero is not None
        if now >= self._busy_until:
            self._rests = True
            return True
        if self._rests:
            self._rests = False
            self._zero += now - self._due(self.next)
        return False

    def _ensure(self, needed: int, wanted: int, now: float) -> None:
        """Has frames before `needed` fed, and before `wanted` where there is speech for them."""
        before = self._feeder.certain
        speaks = self._feeder.speaks
        self._feeder.advance(needed - self._base, wanted - self._base, now)
        for frame in range(before, self._feeder.certain):
            self._fed[self._base + frame] = (now, speaks or self._feeder.speaks)

    def _frame(self, events: list[Event]) -> LiveFrame:
        """The frame that is due."""
        number = self.next
        self.next += 1
        self._fed.pop(number, None) if number not in self._pictures else None
        image = self._pictures.pop(number, None)
        if self.watched and number % self.ladder.every == 0:
            if self.ladder.count(image is None):
                events.append(Degraded(self.ladder.step, self.ladder.said))
            self.late += image is None
        if image is None:
            image, self._spare = self._spare, None
        if image is not None:
            self.shown = (self.turn, number - self._base)
        voice = self._feeder.planned.popleft()
        sound = self._sound(voice, number, events)
        return LiveFrame(number, self.turn, image, sound, None if voice is None else voice.utterance)

    def _sound(self, voice: VoiceFrame | None, number: int, events: list[Event]) -> Floats:
        """What is heard of a frame. An utterance that stops in its middle and goes on later does not pop."""
        utterance = None if voice is None else voice.utterance
        sound = np.zeros(self._rate // FRAME_RATE, np.float32) if voice is None else voice.sound
        if self._tail is not None:
            sound[: len(self._tail)] += self._tail
            self._tail = None
        if voice is not None:
            edge = round(self._rate * EDGE_SECONDS)
            following = self._feeder.planned[0]
            if utterance in self._heard and self._speaking != utterance:
                sound[:edge] *= np.linspace(0, 1, edge, dtype=np.float32)
            self._tell(voice, number, events)
            if not voice.ends and (following is None or following.utterance != utterance):
                sound[-edge:] *= np.linspace(1, 0, edge, dtype=np.float32)
                events.append(Starved(voice.utterance))
        self._speaking = utterance
        return sound

    def _tell(self, voice: VoiceFrame, number: int, events: list[Event]) -> None:
        """Keeps count of what is heard of an utterance."""
        utterance, before = voice.utterance, self._heard.get(voice.utterance)
        if before is None:
            events.append(Started(utterance, number))
            before = 0
        heard = self._heard[utterance] = before + voice.spoken
        if voice.ends:
            del self._heard[utterance]
            events.append(Finished(utterance, heard / self._rate))
        elif heard // self._rate > before // self._rate:
            events.append(Position(utterance, heard / self._rate))


def faded(sound: Floats, rate: int, seconds: float) -> Floats:
    """The beginning of a sound, fading out within so many seconds, at most 20 ms."""
    count = round(rate * min(max(seconds, 0.0), FADE_SECONDS))
    fading: Floats = sound[:count] * np.linspace(1, 0, count, dtype=np.float32)
    return fading
