"""A live face as the video generator of LiveKit's avatar runner."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

from livekit import rtc
from livekit.agents.voice.avatar import (
    AudioReceiver,
    AudioSegmentEnd,
    AvatarOptions,
    AvatarRunner,
    VideoGenerator,
)

from ditto.rates import FRAME_RATE
from stream_pipeline.face_stream import FaceLost, FaceStream, Item, UtteranceEnd, as_mono, as_pcm
from stream_pipeline.live_face import LiveFace

from .log import logger

STUCK_SECONDS = 0.5  # longest wait for a frame that the runner is handing on

Given = rtc.VideoFrame | rtc.AudioFrame | AudioSegmentEnd


class FaceGenerator(VideoGenerator):
    """Pictures and speech of a begun face, for one runner."""

    def __init__(self, face: LiveFace) -> None:
        self._stream = FaceStream(face)
        self._synchroniser: rtc.AVSynchronizer | None = None
        self._published = asyncio.Event()  # the runner has published its tracks, which may take a while
        self._asking = asyncio.Event()  # the runner waits for the next frame
        self._settled = asyncio.Event()  # no clear is under way
        self._asking.set()
        self._settled.set()
        self._clears = 0

    def attach(self, synchroniser: rtc.AVSynchronizer) -> None:
        """Takes the queues that a clear has to empty: the runner leaves them as they are."""
        self._synchroniser = synchroniser

    async def push_audio(self, frame: rtc.AudioFrame | AudioSegmentEnd) -> None:
        clears = self._clears
        await self._published.wait()  # or the beginning would be spoken to nobody
        if clears != self._clears:
            return
        if isinstance(frame, AudioSegmentEnd):
            await self._stream.flush()
        else:
            await self._stream.push(as_mono(frame.data.cast("B"), frame.num_channels), frame.sample_rate)

    async def clear_buffer(self) -> None:
        """Ends the speech now. When it returns, the runner holds nothing of it either.

        A frame that the runner is handing on must be through by then: counted later, it would be
        taken for the beginning of the next speech.
        """
        self._clears += 1
        clears = self._clears
        self._settled.clear()
        try:
            await self._empty_queues()
            await self._stream.interrupt()
            if self._published.is_set():
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._asking.wait(), STUCK_SECONDS)
            await self._empty_queues()
        finally:
            if clears == self._clears:
                self._settled.set()

    async def __aiter__(self) -> AsyncIterator[Given]:
        async for item in self._stream:
            for given in self._given(item):
                await self._settled.wait()
                if self._stream.stale(item):
                    break
                self._asking.clear()
                yield given
                self._asking.set()
                self._published.set()

    def _given(self, item: Item) -> Iterator[Given]:
        if isinstance(item, UtteranceEnd):
            yield AudioSegmentEnd()
            return
        if isinstance(item, FaceLost):
            logger.error("the face has failed, the voice goes on without it: %s", item.error)
            return
        if item.image is not None:
            height, width = item.image.shape[:2]
            yield rtc.VideoFrame(width, height, rtc.VideoBufferType.RGB24, item.image.tobytes())
        elif self._synchroniser is not None:
            self._synchroniser.reset()  # or it would hold the picture that is left out for a late one
        if len(item.sound):
            yield rtc.AudioFrame(as_pcm(item.sound), self._stream.rate, 1, len(item.sound))

    async def _empty_queues(self) -> None:
        if self._synchroniser is not None:
            await self._synchroniser.clear_queue()


class FaceRunner:
    """LiveKit's runner over a face: what is received is spoken in the room until `aclose`."""

    def __init__(self, face: LiveFace, room: rtc.Room, received: AudioReceiver) -> None:
        height, width = face.size
        self._received = received
        generator = FaceGenerator(face)
        self.runner = AvatarRunner(
            room,
            audio_recv=received,
            video_gen=generator,
            options=AvatarOptions(
                video_width=width,
                video_height=height,
                video_fps=FRAME_RATE,
                audio_sample_rate=face.rate,
                audio_channels=1,
            ),
        )
        generator.attach(self.runner.av_sync)
        self._started = False

    async def start(self) -> None:
        await self.runner.start()
        self._started = True

    async def aclose(self) -> None:
        if self._started:
            await self.runner.aclose()
        else:  # the runner's own close reads what only its start has made
            await self._received.aclose()
            await self.runner.av_sync.aclose()
