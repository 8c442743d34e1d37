"""Says a sound file in a pipeline, counts what comes out: `python say_a_file.py portrait.jpg speech.wav`."""

import asyncio
import sys

import numpy as np
import soundfile
from pipecat.frames.frames import EndFrame, OutputImageRawFrame, TTSAudioRawFrame, TTSStoppedFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.workers.runner import WorkerRunner
from pipecat_ditto import DittoVideoService


class Counts(FrameProcessor):
    """Counts pictures and seconds of sound; a transport's output would show and play them."""

    pictures, seconds = 0, 0.0

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        self.pictures += isinstance(frame, OutputImageRawFrame)
        if isinstance(frame, TTSAudioRawFrame):
            self.seconds += frame.num_frames / frame.sample_rate
        await self.push_frame(frame, direction)


async def main(portrait: str, path: str) -> None:
    samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    speech = np.ascontiguousarray(samples[:, 0])
    counts = Counts()
    worker = PipelineWorker(Pipeline([DittoVideoService("mini_online", portrait), counts]))
    await worker.queue_frames([TTSAudioRawFrame(speech.tobytes(), rate, 1), TTSStoppedFrame(), EndFrame()])
    runner = WorkerRunner()
    await runner.add_workers(worker)
    await runner.run()
    print(f"{counts.pictures} pictures, {counts.seconds:.2f} s of sound")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
