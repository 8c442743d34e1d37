"""Video service: the voice of a synthesiser goes in, pictures and the sound that belongs to them come out."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InterruptionFrame,
    OutputImageRawFrame,
    StartFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.ai_service import AIService
from pipecat.services.settings import ServiceSettings

from cfg.errors import DittoError
from ditto import Engine
from stream_pipeline.async_performer import begun
from stream_pipeline.face_opening import SPEECH_RATE, AnySource, OpenFace, face_opener
from stream_pipeline.face_stream import FaceLost, FaceStream, UtteranceEnd, as_mono, as_pcm
from stream_pipeline.live_face import LiveFace, LiveFigures, LiveFrame

PAUSE_SECONDS = 0.3  # without new sound, after which what has come is spoken to its end
DRAIN_SECONDS = 10.0  # longest wait for speech to end, beyond its own length


@dataclass(slots=True)
class Reply:
    """An utterance on its way through the face."""

    context_id: str | None
    over: bool = False  # no more sound will be added
    heard: bool = False  # its first sound has been passed on
    stops: list[TTSStoppedFrame] = field(default_factory=list)  # held until it has been spoken


class DittoVideoService(AIService):
    """A portrait that speaks; place it after the speech synthesiser, before `transport.output()`.

    Pushes an `OutputImageRawFrame` every 40 ms, and while it speaks the `TTSAudioRawFrame` that belongs
    to it; the sound that came in is not passed on. A `TTSStoppedFrame` follows when all has been spoken.
    If the face fails, one error goes upstream and the voice goes on without pictures.
    """

    def __init__(
        self,
        engine: Engine | str | Path = "mini_online",
        portrait: AnySource | None = None,
        *,
        rate: int = SPEECH_RATE,
        max_size: int = 512,
        face: OpenFace | None = None,
        name: str | None = None,
    ) -> None:
        """`engine` is loaded, or the name or file of a configuration; `face` opens another live face.

        Sound of another rate is resampled to `rate`.
        """
        super().__init__(settings=ServiceSettings(model=None), name=name)
        self._open = face_opener(engine, portrait, rate, max_size, face)
        self._opened: AbstractContextManager[LiveFace] | None = None
        self._face: LiveFace | None = None
        self._stream: FaceStream | None = None
        self._emitting: asyncio.Task[None] | None = None
        self._replies: deque[Reply] = deque()
        self._silent = asyncio.Event()  # nothing is left to be spoken
        self._silent.set()
        self._seconds = 0.0  # of sound that has been taken and not passed on
        self._pause: asyncio.TimerHandle | None = None
        self._measuring = False  # the time to the first sound of a reply

    @property
    def figures(self) -> LiveFigures | None:
        """How the face keeps up; None before it has begun."""
        return None if self._face is None else self._face.figures

    def can_generate_metrics(self) -> bool:
        """The time from the first sound of a reply to the first picture that speaks it, as TTFB."""
        return True

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        opened = self._open()
        try:
            face = await begun(opened)
        except DittoError as error:
            await self._tell(error)
            return
        self._opened, self._face, self._stream = opened, face, FaceStream(face)

    async def stop(self, frame: EndFrame) -> None:
        await super().stop(frame)
        await self._drain()
        await self._close()

    async def cancel(self, frame: CancelFrame) -> None:
        await super().cancel(frame)
        await self._close()

    async def cleanup(self) -> None:
        await super().cleanup()  # type: ignore[no-untyped-call]
        await self._close()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        stream = self._stream
        if stream is None or direction != FrameDirection.DOWNSTREAM:
            await self.push_frame(frame, direction)
        elif isinstance(frame, StartFrame):
            await self.push_frame(frame, direction)
            self._emitting = self.create_task(self._emit(stream), "ditto-emit")
        elif isinstance(frame, TTSAudioRawFrame):
            await self._take(stream, frame)
        elif isinstance(frame, TTSStoppedFrame) and self._replies:
            self._replies[-1].stops.append(frame)
            await self._end_reply(stream)
        elif isinstance(frame, InterruptionFrame):
            await self._interrupt(stream)
            await self.push_frame(frame, direction)
        else:
            await self.push_frame(frame, direction)

    async def _take(self, stream: FaceStream, frame: TTSAudioRawFrame) -> None:
        if not self._replies or self._replies[-1].over:
            if not self._replies:
                self._measuring = True
                await self.start_ttfb_metrics()
            self._replies.append(Reply(frame.context_id))
            self._silent.clear()
        voice = as_mono(frame.audio, frame.num_channels)
        self._seconds += len(voice) / frame.sample_rate
        self._await_more(stream)
        await stream.push(voice, frame.sample_rate)

    def _await_more(self, stream: FaceStream) -> None:
        """Has a reply spoken to its end where the synthesiser goes quiet without saying that it is done."""
        self._forget_pause()
        loop = asyncio.get_running_loop()
        self._pause = loop.call_later(
            PAUSE_SECONDS, lambda: self.create_task(self._end_reply(stream), "ditto-pause")
        )

    def _forget_pause(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    async def _end_reply(self, stream: FaceStream) -> None:
        self._forget_pause()
        if self._replies and not self._replies[-1].over:
            self._replies[-1].over = True
            await stream.flush()

    async def _interrupt(self, stream: FaceStream) -> None:
        self._forget()
        await stream.interrupt()

    def _forget(self) -> None:
        """Replies that will not be spoken: the transport takes an interruption for their end."""
        self._forget_pause()
        self._replies.clear()
        self._seconds = 0.0
        self._measuring = False
        self._silent.set()

    async def _emit(self, stream: FaceStream) -> None:
        async for item in stream:
            if isinstance(item, LiveFrame):
                await self._show(stream, item)
            elif isinstance(item, UtteranceEnd):
                await self._ended()
            elif isinstance(item, FaceLost):
                await self._tell(item.error)

    async def _show(self, stream: FaceStream, frame: LiveFrame) -> None:
        if frame.image is not None:
            height, width = frame.image.shape[:2]
            image = OutputImageRawFrame(image=frame.image.tobytes(), size=(width, height), format="RGB")
            image.sync_with_audio = True
            await self.push_frame(image)
        if not len(frame.sound) or not self._replies or stream.stale(frame):
            return
        reply = self._replies[0]
        if not reply.heard:
            reply.heard = True
            if self._measuring:
                self._measuring = False
                await self.stop_ttfb_metrics()
        self._seconds -= len(frame.sound) / stream.rate
        sound = TTSAudioRawFrame(as_pcm(frame.sound), stream.rate, 1, context_id=reply.context_id)
        await self.push_frame(sound)

    async def _ended(self) -> None:
        """Lets go of what was held for the reply that has been spoken."""
        if not self._replies:
            return
        for stop in self._replies.popleft().stops:
            await self.push_frame(stop)
        if not self._replies:
            self._seconds = 0.0
            self._silent.set()

    async def _drain(self) -> None:
        """Waits until everything that was taken has been spoken."""
        if self._stream is None or not self._replies:
            return
        await self._end_reply(self._stream)
        try:
            await asyncio.wait_for(self._silent.wait(), self._seconds + DRAIN_SECONDS)
        except asyncio.TimeoutError:
            await self.push_error(f"speech did not end within {DRAIN_SECONDS:g} s beyond its length")

    async def _tell(self, error: DittoError) -> None:
        await self.push_error(f"the face has failed, the voice goes on without it: {error}", exception=error)

    async def _close(self) -> None:
        self._forget()
        task, self._emitting = self._emitting, None
        if task is not None:
            await self.cancel_task(task)
        opened, self._opened, self._stream = self._opened, None, None
        if opened is not None:
            await asyncio.to_thread(opened.__exit__, None, None, None)
