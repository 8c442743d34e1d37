"""Time line of a live face: what is fed, shown and told at a moment; it owns no thread and reads no clock."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ditto.arrays import Floats, Image
from ditto.rates import FRAME_RATE
from stream_pipeline.live.feeder import Feed, Feeder
from stream_pipeline.live.hearing import Hearing
from stream_pipeline.live.pace import Ladder, Lead
from stream_pipeline.live.voice_queue import Utterance, VoiceFrame, VoiceQueue
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
BRIDGE_FRAMES = 2  # of an interrupted turn that are shown, at most, until the next turn's are ready
FADE_SECONDS = 0.02  # in which a voice that is interrupted fades
EARLY_SECONDS = 0.002  # that work on a frame may begin late
STOPPED_SECONDS = 1.0  # without a step, after which time is taken to have stood still
EDGE_SECONDS = 0.005  # in which it fades where it stops in its middle
SLEEP_SECONDS = 2.0  # without a reader and without speech, after which a face rests
WARM_FRAMES = 10  # of silence through the encoder, before time starts


@dataclass(frozen=True, slots=True)
class Fed:
    """Moment at which the sound of a frame was fed."""

    at: float
    in_time: float  # when it had to be, or `at` where that was later
    speech: bool


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """A picture, and where in the face's speech it belongs."""

    turn: int
    frame: int  # of the turn
    image: Image


@dataclass(slots=True)
class Due:
    """Result of a step."""

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
        self.late = 0  # frames that had no picture of their own, though there was time for it
        self.shown: tuple[int, int] | None = None  # turn, and frame of the turn, last seen
        self._watched = False
        self._in_time = 0  # the first frame whose picture there is time for
        self._rate = rate
        self._hearing = hearing
        self._feed = feed
        self._feeder = Feeder(feed, self.voices, hearing, turn=0)
        self._base = 0
        self._zero: float | None = None  # when frame 0 was due; None until its picture is there
        self._now = 0.0
        self._pictures: dict[int, Painted] = {}
        self._spare: Painted | None = None  # a picture that came too late for its own frame
        self._fed: dict[int, Fed] = {}  # by frame
        self._tail: Floats | None = None  # what is still heard of an interrupted voice
        self._heard: dict[Utterance, int] = {}  # samples of utterances that have begun and not ended
        self._busy_until = 0.0  # of late somebody looked, or it spoke
        self._rests = False
        self._spoken: Utterance | None = None  # in the last frame

    @property
    def turn(self) -> int:
        return self._feeder.turn

    @property
    def watched(self) -> bool:
        """Whether anybody looks."""
        return self._watched

    @watched.setter
    def watched(self, looks: bool) -> None:
        if looks and not self._watched:
            self._in_time = self._base + self._feeder.certain
        self._watched = looks

    @property
    def speaks(self) -> bool:
        """Whether its voice is heard, or about to be."""
        return bool(self._heard) or self.voices.first is not None

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
            quality=self.ladder.said,
        )

    def begin(self, now: float, rests: bool = False) -> None:
        """Feeds the first frames; time starts when the first picture arrives, or when somebody looks."""
        self._busy_until, self._rests = now if rests else now + SLEEP_SECONDS, rests
        self._feeder.warm(WARM_FRAMES)
        self._feeder.advance(1, 1, 1, now)
        self._fed = {frame: Fed(now, now + frame * FRAME, True) for frame in range(WARM_FRAMES)}

    def wanted(self, turn: int, frame: int) -> bool:
        """Whether a frame of a turn is still worth painting. May be asked from any thread."""
        number = self._base + frame
        if turn != self.turn or number % self.ladder.every:
            return False
        if self._zero is None or self._rests:  # it is shown when time begins, or goes on
            return True
        return self._watched and self._zero + (number + 1) * FRAME > self._now

    def step(self, now: float) -> Due:
        """Gives what is due at `now`, feeds what has to be, and says when to come again."""
        self._now = now
        due = Due()
        if self._zero is None:
            return due
        if self.voices.first is not None or self._feeder.speaks or self._watched:
            self._busy_until = now + SLEEP_SECONDS
        if self._slept(now):
            return due
        if now - self._due(self.next) > STOPPED_SECONDS:
            self._zero += now - self._due(self.next)
        due.events += self._finished()
        while self._due(self.next) <= now:
            self._ensure(self.next + 1, self.next + 1, now)
            due.frames.append(self._frame(due.events))
            due.events += self._finished()
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
        fed = self._fed.pop(number, None)
        if fed is not None and self.lead.took(now - fed.in_time, now - fed.at, fed.speech):
            self.ladder.forgive()  # earlier work may be all that is needed
        if fed is None and self._zero is not None and number >= self.next:  # ready before it had to be begun
            self.lead.took(0.0, None, self._feeder.speaks)
        if self._zero is None:
            self._zero = now - number * FRAME
            self.next = number
        if number < self.next:
            self._spare = Painted(turn, frame, image)
        else:
            self._pictures[number] = Painted(turn, frame, image)

    def interrupt(self, now: float, next_turn: Callable[[], int]) -> tuple[float, list[Event]]:
        """Drops what is queued; seconds heard of the utterance that is cut off, and what is to be told.

        What is handed out next ends its sound within 40 ms from now.
        """
        planned = self._feeder.planned
        self._tail = None
        if planned and planned[0] is not None and self._zero is not None:
            left = self._due(self.next) - now
            self._tail = faded(planned[0].sound, self._rate, FRAME - left)
        turn = next_turn()
        begun = [voice.utterance for voice in planned if voice is not None]
        cut = dict.fromkeys([*self._heard, *begun, *self.voices.clear()])
        told: list[Event] = [Interrupted(u.number, self._heard.get(u, 0) / self._rate) for u in cut]
        heard = sum(self._heard.values()) / self._rate
        self._heard.clear()
        self._fed.clear()
        self._spare = None
        self._spoken = None
        self._base = self.next
        self._in_time = self.next if self._zero is None else self._earliest(now)
        until = min(self._in_time, self.next + BRIDGE_FRAMES)
        self._pictures = {number: painted for number, painted in self._pictures.items() if number < until}
        self._feeder = Feeder(self._feed, self.voices, self._hearing, turn=turn)
        if self._zero is None:  # what time was to start with is gone
            self.begin(now)
        return heard, told

    def _earliest(self, now: float) -> int:
        """The first frame that there is time for when work on it begins now."""
        assert self._zero is not None
        return math.ceil((now + self.lead.seconds - EARLY_SECONDS - self._zero) / FRAME)

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
        before, speaks = self._feeder.certain, self._feeder.speaks
        earliest = self._earliest(now) - self._base
        self._feeder.advance(needed - self._base, wanted - self._base, earliest, now)
        for frame in range(before, self._feeder.certain):
            number = self._base + frame
            in_time = max(now + (frame - before) * FRAME, self._due(number) - self.lead.seconds)
            self._fed[number] = Fed(now, in_time, speaks or self._feeder.speaks)

    def _frame(self, events: list[Event]) -> LiveFrame:
        """The frame that is due."""
        number = self.next
        self.next += 1
        painted = self._pictures.pop(number, None)
        fed = self._fed.get(number)
        self._fed.pop(number - FRAME_RATE, None)
        if self._watched and number >= self._in_time and number % self.ladder.every == 0:
            self.late += painted is None
            if painted is None and fed is not None:  # it needs longer than until now
                self.lead.took(self._now - fed.in_time, self._now - fed.at, fed.speech)
            if self.ladder.count(painted is None):
                events.append(Degraded(self.ladder.step, self.ladder.said))
        painted, self._spare = painted or self._spare, None
        if painted is not None:
            self.shown = (painted.turn, painted.frame)
        image = None if painted is None else painted.image
        voice = self._feeder.planned.popleft()
        sound = self._sound(voice, number, events)
        return LiveFrame(number, self.turn, image, sound, None if voice is None else voice.utterance.number)

    def _sound(self, voice: VoiceFrame | None, number: int, events: list[Event]) -> Floats:
        """Sound of a frame. An utterance that stops in its middle and goes on later does not pop."""
        spoken, self._spoken = self._spoken, None if voice is None else voice.utterance
        sound = np.zeros(self._rate // FRAME_RATE, np.float32) if voice is None else voice.sound
        if self._tail is not None:
            sound[: len(self._tail)] += self._tail
            self._tail = None
        if voice is None:
            return sound
        utterance = voice.utterance
        edge = round(self._rate * EDGE_SECONDS)
        before = self._heard.get(utterance, 0)
        if utterance not in self._heard:
            events.append(Started(utterance.number, number))
        elif spoken is not utterance:
            sound[:edge] *= np.linspace(0, 1, edge, dtype=np.float32)
        heard = self._heard[utterance] = before + voice.spoken
        if not self._goes_on(utterance) and not utterance.over:
            sound[-edge:] *= np.linspace(1, 0, edge, dtype=np.float32)
            events.append(Starved(utterance.number))
        elif heard // self._rate > before // self._rate and not self._ended(utterance):
            events.append(Position(utterance.number, heard / self._rate))
        return sound

    def _goes_on(self, utterance: Utterance) -> bool:
        """Whether the next frame is of the utterance too."""
        planned = self._feeder.planned
        return (
            planned[0] is not None and planned[0].utterance is utterance if planned else utterance.frames > 0
        )

    def _ended(self, utterance: Utterance) -> bool:
        """Whether all of an utterance has been heard."""
        return utterance.over and not self._goes_on(utterance)

    def _finished(self) -> list[Event]:
        """Utterances that ended with the last frame, or were closed when all of them had been heard."""
        ended = [utterance for utterance in self._heard if self._ended(utterance)]
        return [Finished(u.number, self._heard.pop(u) / self._rate) for u in ended]


def faded(sound: Floats, rate: int, seconds: float) -> Floats:
    """The beginning of a sound, fading out within so many seconds, at most 20 ms."""
    count = round(rate * min(max(seconds, 0.0), FADE_SECONDS))
    fading: Floats = sound[:count] * np.linspace(1, 0, count, dtype=np.float32)
    return fading
