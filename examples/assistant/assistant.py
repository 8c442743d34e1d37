"""A voice assistant with a face: offline with an echo for a brain, or with any OpenAI-compatible server."""

import argparse
import asyncio
import functools

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames import frames
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators import llm_response_universal as aggregators
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.runner.run import main
from pipecat.runner.utils import create_transport
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.stt import OpenAISTTService
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner
from pipecat_ditto import DittoVideoService

from ditto import Engine
from ditto.media.speak import speaker
from stream_pipeline.face_stream import as_pcm

PLAIN = TTSSettings(model=None, voice=None, language=None)  # there is nothing to choose
RATE = 24_000  # samples a second

engine = functools.cache(lambda: Engine.load("mini_online"))  # one for all visitors
avatar = functools.cache(lambda portrait: engine().register(portrait, max_size=512))


class Echo(FrameProcessor):
    """A brain that says again what it was told."""

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if not isinstance(frame, frames.LLMContextFrame):
            return await self.push_frame(frame, direction)
        said = frames.LLMTextFrame(f"You said: {frame.context.get_messages()[-1]['content']}")
        for part in (frames.LLMFullResponseStartFrame(), said, frames.LLMFullResponseEndFrame()):
            await self.push_frame(part)


class Voice(TTSService):
    """The engine's own synthesiser, English and offline."""

    def __init__(self):
        super().__init__(push_start_frame=True, push_stop_frames=True, sample_rate=RATE, settings=PLAIN)
        self._say = speaker(RATE)

    async def run_tts(self, text, context_id):
        pieces = self._say(text)
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield frames.TTSAudioRawFrame(as_pcm(piece), RATE, 1, context_id=context_id)


def assistant(hears, shows, options) -> PipelineWorker:
    """Everything between a transport's input and its output."""
    ear = OpenAISTTService.Settings(model=options.transcribe)
    ears = [OpenAISTTService(settings=ear, base_url=options.endpoint)] if options.transcribe else []
    talk = aggregators.LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer(), empty_user_turn=None)
    user, bot_side = aggregators.LLMContextAggregatorPair(aggregators.LLMContext(), user_params=talk)
    face = DittoVideoService(engine(), avatar(options.portrait), rate=RATE)
    mind = OpenAILLMService.Settings(model=options.model, system_instruction="Answer in a sentence.")
    brain = OpenAILLMService(settings=mind, base_url=options.endpoint) if options.endpoint else Echo()
    return PipelineWorker(Pipeline([hears, *ears, user, brain, Voice(), face, shows, bot_side]))


async def bot(visit):
    """Called by Pipecat's runner for every visitor."""
    height, width = (await asyncio.to_thread(avatar, visit.cli_args.portrait)).first.image.shape[:2]
    media = dict(audio_in_enabled=True, audio_out_enabled=True, audio_out_sample_rate=RATE)
    media |= dict(video_out_enabled=True, video_out_width=width, video_out_height=height)
    transport = await create_transport(visit, {"webrtc": lambda: TransportParams(**media)})
    worker = assistant(transport.input(), transport.output(), visit.cli_args)

    @transport.event_handler("on_client_connected")
    async def greet(*_):
        await worker.queue_frame(frames.TTSSpeakFrame("Hello! Type something, or talk to me."))

    @transport.event_handler("on_client_disconnected")
    async def end(*_):
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


options = argparse.ArgumentParser(description=__doc__)
options.add_argument("portrait", help="picture of a face")
options.add_argument("--endpoint", help="address of an OpenAI-compatible server, http://localhost:11434/v1")
options.add_argument("--model", default="llama3.2", help="language model to ask it for")
options.add_argument("--transcribe", help="speech model to ask it for; without one, type")

if __name__ == "__main__":
    main(options)
