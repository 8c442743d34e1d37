"""An always-on face: speech is pushed at any pace, frames come when they are due, and it never stops moving.

Timing, pacing, dropping and interruption are decided in its `Performance` and nowhere else; whatever
carries frames to a viewer reads them as they come.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from types import TracebackType

from cfg.argument_checks import kind_of, seconds_of, whole_of
from cfg.errors import Cancelled, ConfigError, MediaError, StageError, in_one_line
from cfg.reading import merge
from ditto.arrays import Floats
from ditto.media.sound_decoding import RATE_LIMITS
from ditto.rates import FRAME_RATE, SAMPLE_RATE
from ditto.source.avatar import AnyAvatar
from ditto.stages.audio2motion import ShownMotion
from ditto.stages.messages import Picture
from stream_pipeline.engine import Engine, check_registered
from stream_pipeline.live.frame_readers import FrameReader, FrameReaders
from stream_pipeline.live.hearing import hearing
from stream_pipeline.live.listening import (
    Detector,
    Heard,
    PhraseEnds,
    SharedListener,
    VoiceBegins,
    VoiceEnds,
)
from stream_pipeline.live.performance import Performance
from stream_pipeline.live.reactions import Reactions
from stream_pipeline.live.voice_queue import Utterance
from stream_pipeline.live_face import Event, Failed, Listening, LiveFigures, LiveFrame
from stream_pipeline.metrics import StageMetrics, table
from stream_pipeline.output_steps import picture_size
from stream_pipeline.plan import Clocked, plan
from stream_pipeline.processor_time import processor_seconds
from stream_pipeline.session import as_voice
from stream_pipeline.style_steps import control_track

MAX_QUEUED_SECONDS = 120.0  # of sound that may wait; a push waits until there is room
PIECE_SECONDS = 0.5  # of a push that are taken at once

log = logging.getLogger(__name__)

Speak = Callable[[str], Iterable[Floats]]  # text to sound at the performer's rate, piece by piece


class Performer:
    """A live face over an engine; implements `LiveFace`. A `with` block leaves no thread behind."""

    def __init__(
        self,
        engine: Engine,
        avatar: AnyAvatar,
        *,
        rate: int = SAMPLE_RATE,
        speak: Speak | None = None,
        barge_in: float | None = None,
        detect: Detector | None = None,
        pose: Floats | None = None,
        **over: object,
    ) -> None:
        """`rate` of the sound that is pushed and given, a multiple of 25; `speak` makes sound of text.

        After `barge_in` seconds of the other person's voice the face falls silent; None lets it speak on.
        `detect` tells a voice from other sound; without it, the detector of the extra `live`.
        It begins from `pose` of another performer of this avatar, and waits there until somebody looks.
        `over` are groups of settings, as `Engine.session` takes them.
        """
        check_registered(avatar, "Performer")
        self.rate = whole_of(rate, "rate", *RATE_LIMITS)
        if self.rate % FRAME_RATE:
            raise ConfigError(
                f"rate is {rate}, but must be a multiple of {FRAME_RATE}, such as 16000 or 24000"
            )
        settings = engine.with_settings(merge({"stream": {"mode": "online"}}, over))
        self.size = picture_size(avatar, settings)
        self._controls = control_track(engine.pack, settings)
        self._shown = ShownMotion(lambda: self._performance.shown, pose)
        clocked = Clocked(lambda turn, frame: self._performance.wanted(turn, frame), self._shown)
        planned = plan(engine.pack, avatar, settings, self._controls, extra=engine.extra, clocked=clocked)
        self._pipeline = planned.pipeline(capacity=settings.stream.capacity)
        self._performance = Performance(self.rate, hearing(engine.pack, settings), self._pipeline.push_all)
        self._readers = FrameReaders(self._readers_changed)
        self._changed = threading.Condition()  # guards the performance and what follows
        self._subscribers: list[Callable[[Event], None]] = []
        self._untold: deque[Event] = deque()
        self._open: Utterance | None = None  # that `push` adds to
        self._speak = speak
        self._pushing = threading.Lock()  # keeps pushes and flushes in order; may be held while one waits
        self._stirred = False  # whether anything has changed since the last step
        self._barge_in = barge_in
        self._listener = SharedListener(detect, barge_in)
        self._reactions = Reactions(self._controls.play, settings.motion.seed)
        self._over = False
        self._error: StageError | None = None
        self._threads = [
            threading.Thread(target=self._perform, name="ditto-perform", daemon=True),
            threading.Thread(target=self._collect, name="ditto-collect", daemon=True),
        ]

    def __enter__(self) -> Performer:
        self._pipeline.__enter__()
        try:
            with self._changed:
                self._performance.begin(time.monotonic(), rests=self._shown.begin is not None)
            for thread in self._threads:
                thread.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends now; whoever waits for a frame gets no more."""
        with self._changed:
            self._over = True
            self._wake()
        self._pipeline.stop()
        for thread in self._threads:
            if thread.is_alive() and thread is not threading.current_thread():
                thread.join()
        self._readers.end()

    def push(self, samples: object, timeout: float | None = None) -> int:
        """Sound to speak, at any pace; gives the number of its utterance.

        (n,) floats in -1..1 or 16-bit integers. While two minutes of sound are queued it waits;
        TimeoutError after `timeout` seconds, and nothing was taken then.
        """
        voice, timeout = as_voice(samples), seconds_of(timeout, "timeout")
        with self._in_order(timeout) as until:
            with self._changed:
                self._check()
                begins = self._open is None
                if self._open is None:
                    self._open = self._performance.voices.begin()
                utterance = self._open
                try:
                    self._wait_for_room(utterance, until)
                except TimeoutError:
                    if begins:
                        self._close_open()
                    raise
            self._put(utterance, voice)
        return utterance.number

    def flush(self) -> None:
        """The utterance is over: what was pushed is spoken to its end, the next push begins another."""
        with self._in_order(None), self._changed:
            self._close_open()

    def say(self, text: str) -> int:
        """Speaks a text as an utterance of its own, and returns at once."""
        if self._speak is None:
            raise ConfigError("this face has no voice of its own: give it one by `speak`, or push sound")
        if not isinstance(text, str) or not text.strip():
            raise ConfigError("there is no text to say; give at least one word")
        with self._changed:
            self._check()
            utterance = self._performance.voices.begin()
        threading.Thread(
            target=self._say, args=(utterance, text, self._speak(text)), name="ditto-say", daemon=True
        ).start()
        return utterance.number

    def interrupt(self) -> float:
        """Silence now: what is queued is gone, push may go on at once. Gives the seconds that were heard."""
        with self._changed:
            self._check()
            heard, told = self._performance.interrupt(time.monotonic(), self._pipeline.interrupt)
            self._open = None
            self._untold += told
            self._wake()
        return heard

    def listen(self, samples: object) -> None:
        """Takes what the other person says, at 16 kHz, as it is heard: the face shows that it listens."""
        voice = as_voice(samples)
        self._check()
        for said in self._listener.hear(voice):
            self._answer(said)

    def gesture(self, name: str, *, strength: float = 1.0) -> None:
        """Plays a gesture from the next frame on (docs/scripting.md names them)."""
        self._controls.gesture(name, strength=strength)

    def feel(self, emotion: object, *, intensity: float = 1.0) -> None:
        """Another emotion from the next frame on; "default" is the usual one."""
        self._controls.feel(emotion, intensity=intensity)

    def control(self, /, **controls: object) -> None:
        """From the next frame on these hold; None ends one (docs/controls.md)."""
        self._controls.update(0, **controls)

    def frames(self, timeout: float | None = None) -> Iterator[LiveFrame]:
        """Frames from now on, each when it is due; TimeoutError after `timeout` seconds without one."""
        return self._readers.frames(seconds_of(timeout, "timeout"))

    def reader(self, ready: Callable[[], None] | None = None) -> FrameReader:
        """Frames for who must not wait for them: `ready` is called from another thread when there is one."""
        return self._readers.add(ready)

    def subscribe(self, tell: Callable[[Event], None]) -> Callable[[], None]:
        """Events from now on, told from the thread that keeps the time: be quick. Gives what ends it."""
        if not callable(tell):
            raise ConfigError(f"events are told to a function, but this is {kind_of(tell)}")
        with self._changed:
            self._subscribers.append(tell)
        return lambda: self._forget(tell)

    @property
    def pose(self) -> Floats | None:
        """(265,) motion of head, gaze and face in the frame that is shown next; None before the first."""
        return self._shown.next

    @property
    def figures(self) -> LiveFigures:
        spent = processor_seconds((*self._threads, *self._pipeline.threads))
        with self._changed:
            return replace(self._performance.figures, processor_seconds=spent)

    @property
    def metrics(self) -> list[StageMetrics]:
        return self._pipeline.metrics

    def profile(self) -> str:
        """Table of how long each stage worked and waited."""
        return table(self.metrics)

    def _wake(self) -> None:
        """Something has changed; called with the lock held."""
        self._stirred = True
        self._changed.notify_all()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
        if self._over:
            raise Cancelled("the face is closed")

    @contextlib.contextmanager
    def _in_order(self, timeout: float | None) -> Iterator[float | None]:
        """Pushes and flushes one after another, each whole; gives when the time for this one is over."""
        until = None if timeout is None else time.monotonic() + timeout
        if not self._pushing.acquire(timeout=-1 if timeout is None else min(timeout, threading.TIMEOUT_MAX)):
            raise TimeoutError("another push is waiting for its place")
        try:
            yield until
        finally:
            self._pushing.release()

    def _close_open(self) -> None:
        """The next push begins another utterance; called with the lock held."""
        if self._open is not None:
            self._open.close()
            self._open = None
            self._wake()

    def _wait_for_room(self, utterance: Utterance, until: float | None) -> None:
        """Until no more than two minutes of sound are spoken before the end of the utterance."""
        while self._performance.voices.seconds_to(utterance) > MAX_QUEUED_SECONDS:
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError(f"{MAX_QUEUED_SECONDS:g} seconds of sound are waiting already")
            self._changed.wait(left)
            self._check()

    def _put(self, utterance: Utterance, voice: Floats) -> None:
        """Hands sound over in pieces, so that time is not held up by a long one; none once it is dropped."""
        size = round(PIECE_SECONDS * self.rate)
        for at in range(0, len(voice), size):
            with self._changed:
                self._check()
                if utterance.dropped:
                    return
                utterance.put(voice[at : at + size], time.monotonic())
                self._wake()

    def _say(self, utterance: Utterance, text: str, pieces: Iterable[Floats]) -> None:
        """Puts an utterance together, on a thread of its own, until it is spoken or interrupted."""
        heard = False
        try:
            for piece in pieces:
                with self._changed:
                    self._wait_for_room(utterance, None)
                    if utterance.dropped:
                        return
                voice = as_voice(piece)
                heard = heard or len(voice) > 0
                self._put(utterance, voice)
            if not heard:
                raise MediaError(f"nothing to pronounce in {text[:40]!r}; give words of the voice's language")
        except Exception as error:
            with self._changed:
                self._untold.append(Failed(utterance.number, in_one_line(str(error))))
        finally:
            with self._changed:
                utterance.close()
                self._wake()

    def _answer(self, said: Heard) -> None:
        """Shows and tells what was heard of the other person."""
        speaks = self._performance.speaks
        if isinstance(said, VoiceBegins) and speaks and self._barge_in is not None:
            self.interrupt()
        elif not speaks:
            self._reactions.to(said)
        elif isinstance(said, VoiceEnds):
            self._reactions.relax()
        if not isinstance(said, PhraseEnds):
            seconds = said.seconds if isinstance(said, VoiceEnds) else 0.0
            with self._changed:
                self._untold.append(Listening(isinstance(said, VoiceBegins), seconds))
                self._wake()

    def _forget(self, tell: Callable[[Event], None]) -> None:
        with self._changed, contextlib.suppress(ValueError):
            self._subscribers.remove(tell)

    def _readers_changed(self) -> None:
        with self._changed:
            self._performance.watched = len(self._readers) > 0
            self._wake()

    def _perform(self) -> None:
        """Keeps the time."""
        try:
            while not self._over:
                with self._changed:
                    self._stirred = False
                    due = self._performance.step(time.monotonic())
                    events = [*self._untold, *due.events]
                    self._untold.clear()
                    if due.frames:  # there may be room for sound that waits to be pushed
                        self._changed.notify_all()
                for frame in due.frames:
                    self._listener.plays(frame.sound)
                    self._readers.put(frame)
                self._tell(events)
                with self._changed:
                    if not self._stirred:
                        self._changed.wait(
                            None if due.wake is None else max(0.0, due.wake - time.monotonic())
                        )
        except Exception as error:
            self._fail(error)

    def _collect(self) -> None:
        """Takes the pictures in as they are finished."""
        try:
            for item in self._pipeline.results():
                assert isinstance(item, Picture)
                with self._changed:
                    self._performance.arrived(item.turn, item.index, item.image, time.monotonic())
                    self._wake()
        except Cancelled:
            pass
        except Exception as error:
            self._fail(error)

    def _tell(self, events: Iterable[Event]) -> None:
        with self._changed:
            subscribers = tuple(self._subscribers)
        for event in events:
            for tell in subscribers:
                try:
                    tell(event)
                except Exception:
                    log.exception("%s could not be told of %s", tell, event)

    def _fail(self, error: Exception) -> None:
        """Everything ends, and whoever waits for a frame or pushes is told why."""
        with self._changed:
            failed = error if isinstance(error, StageError) else StageError("live", "its time", error)
            self._error = self._error or failed
            self._over = True
            self._wake()
        self._readers.end(self._error)
        self._pipeline.cancel()
