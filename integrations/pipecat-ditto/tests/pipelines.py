"""A pipeline whose output transport is Pipecat's own, writing to a screen and a speaker that are lists."""

import asyncio
import time
from contextlib import asynccontextmanager

import numpy as np
from pipecat.frames.frames import EndFrame, Frame, StartFrame, TTSAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner

RATE = 24_000
LOUD = 0.02


def tone(seconds, rate=RATE, channels=1, level=0.5, context="reply"):
    """Frames of 20 ms, as a synthesiser gives them."""
    pcm = np.full(rate // 50 * channels, level * 32768, np.int16).tobytes()
    return [TTSAudioRawFrame(pcm, rate, channels, context_id=context) for _ in range(round(seconds * 50))]


def loudness(pcm):
    return float(np.abs(np.frombuffer(pcm, np.int16)).max() / 32768)


class Screen(BaseOutputTransport):
    """Shows and plays in real time; keeps what was, with its moment."""

    def __init__(self, size):
        width, height = size
        super().__init__(
            TransportParams(
                audio_out_enabled=True,
                audio_out_sample_rate=RATE,
                audio_out_end_silence_secs=0,
                video_out_enabled=True,
                video_out_width=width,
                video_out_height=height,
            )
        )
        self.drawn = []  # (moment, brightness)
        self.played = []  # (moment, loudness, seconds)
        self._free = 0.0

    async def start(self, frame: StartFrame):
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame):
        self._free = max(self._free, time.monotonic())
        seconds = len(frame.audio) / 2 / frame.sample_rate
        self.played.append((self._free, loudness(frame.audio), seconds))
        self._free += seconds
        await asyncio.sleep(self._free - time.monotonic())
        return True

    async def write_video_frame(self, frame):
        self.drawn.append((time.monotonic(), float(np.frombuffer(frame.image, np.uint8).mean())))
        return True

    @property
    def loud_seconds(self):
        return sum(seconds for _, loud, seconds in self.played if loud > LOUD)

    @property
    def last_loud(self):
        return max((at + seconds for at, loud, seconds in self.played if loud > LOUD), default=0.0)


class Kept(FrameProcessor):
    """Keeps what passes, with its moment."""

    def __init__(self):
        super().__init__()
        self.frames = []

    async def process_frame(self, frame: Frame, direction):
        await super().process_frame(frame, direction)
        self.frames.append((time.monotonic(), frame))
        await self.push_frame(frame, direction)

    def of(self, kind):
        return [frame for _, frame in self.frames if isinstance(frame, kind)]


class Running:
    def __init__(self, worker, screen, before, after):
        self.worker, self.screen, self.before, self.after = worker, screen, before, after

    async def send(self, *frames):
        for frame in frames:
            await self.worker.queue_frame(frame)

    async def until(self, holds, seconds=10.0):
        ends = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < ends, "it takes too long"
            await asyncio.sleep(0.002)


@asynccontextmanager
async def running(service, size=(64, 48), **params):
    """The service between two keepers, before the screen; ends by an EndFrame."""
    before, after, screen = Kept(), Kept(), Screen(size)
    started = asyncio.Event()
    worker = PipelineWorker(
        Pipeline([before, service, after, screen]),
        cancel_on_idle_timeout=False,
        enable_rtvi=False,
        params=PipelineParams(**params),
    )

    @worker.event_handler("on_pipeline_started")
    async def _(worker, frame):
        started.set()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    run = asyncio.create_task(runner.run())
    try:
        await asyncio.wait_for(started.wait(), 20)
        yield Running(worker, screen, before, after)
    finally:
        await worker.queue_frame(EndFrame())
        await run
