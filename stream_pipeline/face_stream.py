"""A live face as voice agents need it: frames and ends of utterances in one order, none of them stale."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from cfg.errors import Cancelled, DittoError
from ditto.arrays import Floats
from ditto.media.sound import Resampler
from ditto.rates import FRAME_RATE
from stream_pipeline.async_performer import AsyncPerformer
from stream_pipeline.live_face import Event, Finished, Interrupted, LiveFace, LiveFrame
from stream_pipeline.samples import Samples
from stream_pipeline.session import as_voice

RETRY_SECONDS = 0.1  # between two tries to push where two minutes of sound are queued


@dataclass(frozen=True, slots=True)
class UtteranceEnd:
    """All frames of an utterance have been given."""

    utterance: int


@dataclass(frozen=True, slots=True)
class FaceLost:
    """The face has failed; what follows are frames without pictures, so that the voice goes on."""

    error: DittoError


Item = LiveFrame | UtteranceEnd | FaceLost


@dataclass(slots=True)
class _Voice:
    """Sound of an utterance that has not been given yet."""

    utterance: int
    sound: Samples = field(default_factory=Samples)
    closed: bool = False


def as_pcm(sound: Floats) -> bytes:
    """Samples in -1..1 as 16-bit integers."""
    return np.clip(np.rint(sound * 32768), -32768, 32767).astype("<i2").tobytes()


def as_mono(pcm: bytes | memoryview, channels: int) -> Floats:
    """(n,) samples in -1..1 of interleaved 16-bit integers."""
    mono: Floats = np.frombuffer(pcm, "<i2").reshape(-1, channels).mean(axis=1, dtype=np.float32) / 32768
    return mono


class FaceStream:
    """A begun face whose sound is pushed, and whose frames are iterated by one reader, in one event loop.

    Frames of an utterance hold its sound and not a sample more; those between have the sound of none.
    After `interrupt` nothing comes of what was pushed before. Where the face fails, the voice goes on.
    """

    def __init__(self, face: LiveFace) -> None:
        self.rate = face.rate
        self.size = face.size  # height and width
        self._face = face
        self._awaited = AsyncPerformer(face)
        self._turn = 0  # raised when an interruption is asked for
        self._pushing = asyncio.Lock()  # keeps pushes and flushes in order; may be held while one waits
        self._changing = asyncio.Lock()  # held while the face and the voices are changed together
        self._voices: deque[_Voice] = deque()
        self._ended: deque[int] = deque()  # utterances whose end is still to be given
        self._last = -1  # greatest number of an utterance
        self._dropped = -1  # greatest number of an interrupted one
        self._given = -1  # greatest number of which a frame was given
        self._error: DittoError | None = None
        self._wake = asyncio.Event()
        self._resampler: Resampler | None = None  # of what is pushed at another rate
        self._incoming_rate = self.rate

    async def push(self, samples: object, rate: int | None = None) -> None:
        """Sound to speak, at any pace and rate; waits while two minutes of it are queued."""
        turn = self._turn
        async with self._pushing:
            if turn == self._turn:
                await self._put(self._at_own_rate(as_voice(samples), rate or self.rate), turn)

    async def _put(self, voice: Floats, turn: int) -> None:
        while len(voice):
            async with self._changing:
                if turn != self._turn or await self._pushed(voice):
                    return
            await asyncio.sleep(RETRY_SECONDS)

    async def flush(self) -> None:
        """The utterance is over."""
        turn = self._turn
        async with self._pushing:
            if turn != self._turn:
                return
            await self._put(self._rest_at_own_rate(), turn)
            async with self._changing:
                if turn == self._turn:
                    await self._close()

    async def _close(self) -> None:
        """The next push begins another utterance."""
        if self._voices:
            self._voices[-1].closed = True
        if self._error is None:
            try:
                await self._awaited.flush()
            except DittoError as error:
                self._lost(error)
        self._wake.set()

    async def interrupt(self) -> None:
        """What was pushed is dropped; push may go on at once."""
        self._turn += 1
        self._resampler = None
        self._dropped = self._last
        async with self._changing:
            self._dropped = self._last  # a push may have come through meanwhile
            self._voices.clear()
            self._ended.clear()
            if self._error is None:
                try:
                    await self._awaited.interrupt()
                except DittoError as error:
                    self._lost(error)

    def stale(self, item: Item) -> bool:
        """Whether something that was given belongs to what has been interrupted since."""
        return (
            not isinstance(item, FaceLost) and item.utterance is not None and item.utterance <= self._dropped
        )

    async def __aiter__(self) -> AsyncIterator[Item]:
        """Frames when they are due, and ends of utterances, until the face is closed."""
        loop = asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(self._wake.set)

        def tell(event: Event) -> None:
            loop.call_soon_threadsafe(self._told, event)

        reader = self._face.reader(wake)
        forget = self._face.subscribe(tell)
        try:
            while self._error is None:
                self._wake.clear()
                try:
                    frame = reader.take()
                except Cancelled:
                    return
                except DittoError as error:
                    self._lost(error)
                    break
                async with self._changing:
                    ends, own = list(self._ends(frame)), self._own(frame)
                for given in (*ends, own):
                    if given is not None and not self.stale(given):  # an interruption may have come meanwhile
                        yield given
                if frame is None:
                    await self._wake.wait()
        finally:
            forget()
            reader.close()
        assert self._error is not None
        yield FaceLost(self._error)
        async for item in self._voice_alone():
            yield item

    def _at_own_rate(self, voice: Floats, rate: int) -> Floats:
        rest = self._rest_at_own_rate() if rate != self._incoming_rate else voice[:0]
        if rate == self.rate:
            return np.concatenate([rest, voice])
        if self._resampler is None:
            self._incoming_rate, self._resampler = rate, Resampler(rate, self.rate)
        return np.concatenate([rest, self._resampler.push(voice)])

    def _rest_at_own_rate(self) -> Floats:
        """Sound that the resampler holds back."""
        resampler, self._resampler = self._resampler, None
        return np.zeros(0, np.float32) if resampler is None else resampler.flush()

    async def _pushed(self, samples: Floats) -> bool:
        """Whether there was room for the sound, which has been handed over then."""
        number = self._last if self._voices and not self._voices[-1].closed else self._last + 1
        if self._error is None:
            try:
                number = await self._awaited.push(samples, 0.0)
            except TimeoutError:
                return False
            except Cancelled:
                return True  # nobody is left to hear it
            except DittoError as error:
                self._lost(error)
        if not self._voices or self._voices[-1].utterance != number:
            self._voices.append(_Voice(number))
        self._voices[-1].sound.put(samples)
        self._last = number
        self._wake.set()
        return True

    def _lost(self, error: DittoError) -> None:
        if self._error is None:
            self._error = error
        self._wake.set()

    def _told(self, event: Event) -> None:
        if isinstance(event, Finished | Interrupted) and event.utterance > self._dropped:
            self._ended.append(event.utterance)
            self._wake.set()

    def _ends(self, frame: LiveFrame | None) -> Iterator[UtteranceEnd]:
        """Ends of which no frame is waiting any more, before `frame` is given."""
        while self._ended:
            number = self._ended[0]
            if frame is not None and (frame.utterance == number or self._given < number):
                return
            self._ended.popleft()
            while self._voices and self._voices[0].utterance <= number:
                self._voices.popleft()
            yield UtteranceEnd(number)

    def _own(self, frame: LiveFrame | None) -> LiveFrame | None:
        """The frame with the sound of its utterance alone; None if that was interrupted."""
        if frame is None or self.stale(frame):
            return None
        if frame.utterance is None:
            return replace(frame, sound=frame.sound[:0])
        self._given = frame.utterance
        while self._voices and self._voices[0].utterance < frame.utterance:
            self._voices.popleft()
        if not self._voices or self._voices[0].utterance != frame.utterance:
            return frame
        left = self._voices[0].sound
        count = min(len(frame.sound), len(left))
        left.take(count)
        return replace(frame, sound=frame.sound[:count])

    async def _voice_alone(self) -> AsyncIterator[Item]:
        """The voice without a face, at its pace."""
        loop = asyncio.get_running_loop()
        index, due = 0, loop.time()
        while True:
            self._wake.clear()
            voice = self._voices[0] if self._voices else None
            if voice is None or not (voice.closed or len(voice.sound)):
                await self._wake.wait()
                due = loop.time()
            elif not len(voice.sound):
                self._voices.popleft()
                yield UtteranceEnd(voice.utterance)
            else:
                sound = voice.sound.take(min(len(voice.sound), self.rate // FRAME_RATE))
                yield LiveFrame(index, self._turn, None, sound, voice.utterance)
                index, due = index + 1, due + len(sound) / self.rate
                await asyncio.sleep(due - loop.time())
