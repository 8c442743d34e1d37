"""A face in Pipecat's own pipelines and output transport."""

import asyncio
import threading
import time
from itertools import pairwise

import numpy as np
import pytest
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    InterruptionFrame,
    MetricsFrame,
    OutputImageRawFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
)
from pipecat.metrics.metrics import TTFBMetricsData
from pipecat.tests.utils import SleepFrame, run_test
from pipecat_ditto import DittoVideoService
from pipelines import RATE, running, tone

from cfg.errors import ConfigError
from ditto.media.sound import read_sound
from integrations.stand_in_face import StandInFace


def stand_in(**how):
    return DittoVideoService(face=lambda: StandInFace(RATE, **how))


def sound_of(frames):
    pcm = b"".join(frame.audio for frame in frames if isinstance(frame, TTSAudioRawFrame))
    return np.frombuffer(pcm, np.int16)


def threads():
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("ditto-")}


def test_pictures_and_sound_come_together_and_the_stop_is_held_until_all_is_spoken():
    async def run():
        sent = [TTSStartedFrame(), *tone(0.3), TTSStoppedFrame(context_id="reply"), SleepFrame(0.2)]
        return await run_test(stand_in(), frames_to_send=sent, start_timeout=10)

    down, up = asyncio.run(run())
    pictures = [frame for frame in down if isinstance(frame, OutputImageRawFrame)]
    sounds = [frame for frame in down if isinstance(frame, TTSAudioRawFrame)]
    assert len(pictures) >= 8 and all(picture.sync_with_audio for picture in pictures)
    assert np.array_equal(sound_of(down), np.full(7200, 16384))
    assert {(frame.sample_rate, frame.num_channels, frame.context_id) for frame in sounds} == {
        (RATE, 1, "reply")
    }
    (stop,) = [at for at, frame in enumerate(down) if isinstance(frame, TTSStoppedFrame)]
    assert down.index(sounds[-1]) < stop and down[stop].context_id == "reply"
    for sound in sounds:  # each picture is as bright as its sound is loud
        assert down[down.index(sound) - 1].image[0] == 128
    assert not [frame for frame in up if isinstance(frame, ErrorFrame)]


def test_a_stop_without_sound_is_passed_on_at_once():
    async def run():
        return await run_test(stand_in(), frames_to_send=[TTSStoppedFrame()], start_timeout=10)

    down, _ = asyncio.run(run())
    assert [frame for frame in down if isinstance(frame, TTSStoppedFrame)]


@pytest.mark.parametrize("rate, channels", [(16_000, 1), (48_000, 2)])
def test_sound_of_another_rate_is_resampled(rate, channels):
    async def run():
        sent = [*tone(0.3, rate=rate, channels=channels), TTSStoppedFrame()]
        return await run_test(stand_in(), frames_to_send=sent, start_timeout=10)

    down, _ = asyncio.run(run())
    assert abs(len(sound_of(down)) - 7200) <= 2


def test_the_end_of_the_pipeline_waits_for_what_is_left_to_be_spoken():
    async def run():
        return await run_test(stand_in(), frames_to_send=tone(0.5), send_end_frame=True, start_timeout=10)

    down, _ = asyncio.run(run())
    assert len(sound_of(down)) == 12_000
    assert threads() == set()


def test_a_synthesiser_that_goes_quiet_without_a_stop_is_heard_to_its_last_sample():
    async def run():
        async with running(stand_in()) as pipeline:
            await pipeline.send(*tone(0.35)[:17])  # eight and a half frames of the face
            await pipeline.until(lambda: len(sound_of(pipeline.after.of(TTSAudioRawFrame))) == 17 * 480)
            await pipeline.send(TTSStoppedFrame())
            await pipeline.until(lambda: pipeline.after.of(TTSStoppedFrame))

    asyncio.run(run())


def test_what_is_drawn_is_in_step_with_what_is_heard():
    async def run():
        async with running(stand_in()) as pipeline:
            offsets = []
            for _ in range(5):
                await asyncio.sleep(0.3)
                pipeline.screen.drawn.clear()
                pipeline.screen.played.clear()
                await pipeline.send(*tone(0.48), TTSStoppedFrame())
                await pipeline.until(lambda: pipeline.after.of(TTSStoppedFrame))
                pipeline.after.frames.clear()
                await asyncio.sleep(0.2)
                drawn, played = pipeline.screen.drawn, pipeline.screen.played
                begins = next(at for at, bright in drawn if bright > 60) - played[0][0]
                dark = next(b for (_, bright), (b, dim) in pairwise(drawn) if bright > 60 and dim < 60)
                offsets += [begins, dark - pipeline.screen.last_loud]
            return offsets, pipeline.screen.loud_seconds

    offsets, loud = asyncio.run(run())
    assert loud == pytest.approx(0.48)
    assert max(map(abs, offsets)) <= 0.06, (
        offsets
    )  # the transport draws by a clock of its own, 30 times a second


def test_an_interruption_is_heard_and_seen_within_200_ms_and_the_next_reply_follows():
    async def run():
        async with running(stand_in()) as pipeline:
            silent, dark = [], []
            for attempt in range(6):
                pipeline.screen.played.clear()
                await pipeline.send(TTSStartedFrame(), *tone(5.0), TTSStoppedFrame(context_id="old"))
                await pipeline.until(lambda: pipeline.screen.loud_seconds > 0.2)
                await asyncio.sleep(0.013 * attempt)
                asked = time.monotonic()
                await pipeline.send(InterruptionFrame())
                await asyncio.sleep(0.3)
                silent.append(pipeline.screen.last_loud - asked)
                lit = [at for at, bright in pipeline.screen.drawn if bright > 60]
                dark.append(max(lit) - asked)
                assert len(pipeline.after.of(InterruptionFrame)) == attempt + 1
            assert not pipeline.after.of(TTSStoppedFrame)
            pipeline.after.frames.clear()
            await pipeline.send(*tone(0.2, level=0.25), TTSStoppedFrame(context_id="new"))
            await pipeline.until(lambda: pipeline.after.of(TTSStoppedFrame))
            return silent, dark, pipeline.after

    silent, dark, after = asyncio.run(run())
    assert max(silent) <= 0.2 and max(dark) <= 0.2, (silent, dark)
    assert np.array_equal(sound_of(after.of(TTSAudioRawFrame)), np.full(4800, 8192))
    assert [stop.context_id for stop in after.of(TTSStoppedFrame)] == ["new"]


def test_speech_that_follows_an_interruption_at_once_has_nothing_of_the_old():
    async def run():
        async with running(stand_in()) as pipeline:
            for attempt in range(15):
                await pipeline.send(*tone(1.0))
                await asyncio.sleep(0.05 + 0.017 * attempt)  # it has arrived
                await pipeline.send(InterruptionFrame(), *tone(0.1, level=0.25), TTSStoppedFrame())
                await pipeline.until(lambda: pipeline.after.of(TTSStoppedFrame))
                begun = [at for at, frame in enumerate(pipeline.after.frames) if is_interruption(frame)][-1]
                heard = sound_of([frame for _, frame in pipeline.after.frames[begun:]])
                assert np.array_equal(heard, np.full(2400, 8192)), attempt
                pipeline.after.frames.clear()

    def is_interruption(kept):
        return isinstance(kept[1], InterruptionFrame)

    asyncio.run(run())


def test_where_the_face_fails_the_voice_is_spoken_and_one_error_is_told():
    async def run():
        faces = []

        def face():
            faces.append(StandInFace(RATE))
            return faces[0]

        async with running(DittoVideoService(face=face)) as pipeline:
            await pipeline.send(*tone(0.5), TTSStoppedFrame(context_id="one"))
            await pipeline.until(lambda: pipeline.screen.loud_seconds > 0.1)
            faces[0].fail()
            await pipeline.send(*tone(0.3), TTSStoppedFrame(context_id="two"))
            await pipeline.until(lambda: len(pipeline.after.of(TTSStoppedFrame)) == 2)
            return pipeline.after, pipeline.before

    after, before = asyncio.run(run())
    assert len(sound_of(after.of(TTSAudioRawFrame))) == round(0.8 * RATE)
    assert [stop.context_id for stop in after.of(TTSStoppedFrame)] == ["one", "two"]
    (error,) = before.of(ErrorFrame)
    assert "goes on without it" in error.error and "frame 7" in error.error


def test_a_face_that_cannot_be_opened_lets_the_voice_through_and_tells_one_error():
    async def run():
        sent = [*tone(0.1), TTSStoppedFrame()]
        return await run_test(
            DittoVideoService("mini_online", "nobody.jpg"), frames_to_send=sent, start_timeout=10
        )

    down, up = asyncio.run(run())
    assert [type(frame) for frame in down if not isinstance(frame, EndFrame)] == [
        *([TTSAudioRawFrame] * 5),
        TTSStoppedFrame,
    ]
    (error,) = [frame for frame in up if isinstance(frame, ErrorFrame)]
    assert "nobody.jpg" in error.error
    assert threads() == set()


def test_a_picture_that_is_not_there_is_left_out():
    async def run():
        sent = [*tone(0.4), TTSStoppedFrame()]
        return await run_test(stand_in(skip=2), frames_to_send=sent, start_timeout=10)

    down, _ = asyncio.run(run())
    assert len(sound_of(down)) == 9600
    assert len([frame for frame in down if isinstance(frame, OutputImageRawFrame)]) <= 8


def test_the_time_to_the_first_spoken_picture_is_measured():
    async def run():
        service = stand_in()
        async with running(service, enable_metrics=True) as pipeline:
            await pipeline.send(*tone(0.2), TTSStoppedFrame())
            await pipeline.until(lambda: pipeline.after.of(TTSStoppedFrame))
            return [datum for frame in pipeline.after.of(MetricsFrame) for datum in frame.data], service.name

    data, name = asyncio.run(run())
    (first,) = [
        datum.value
        for datum in data
        if isinstance(datum, TTFBMetricsData) and datum.processor == name and datum.value
    ]
    assert 0 < first < 0.2


def test_an_avatar_without_a_portrait_is_refused():
    with pytest.raises(ConfigError, match="needs a portrait"):
        DittoVideoService()


def test_a_portrait_of_the_built_in_pack_speaks_and_is_interrupted():
    speech = read_sound("../../examples/speech.flac").samples[16_000:48_000]
    pcm = (speech * 32767).astype(np.int16)
    frames = [TTSAudioRawFrame(pcm[at : at + 640].tobytes(), 16_000, 1) for at in range(0, len(pcm), 640)]

    async def run():
        service = DittoVideoService("mini_online", "../../examples/drawn_woman.jpg", max_size=256)
        async with running(service, size=(256, 256)) as pipeline:
            await pipeline.until(lambda: len(pipeline.screen.drawn) > 10)
            begun = time.monotonic()
            await pipeline.send(*frames, TTSStoppedFrame())
            await pipeline.until(lambda: pipeline.after.of(TTSStoppedFrame))
            seconds = time.monotonic() - begun
            heard = len(sound_of(pipeline.after.of(TTSAudioRawFrame)))
            pictures = sum(at > begun for at, frame in pipeline.after.frames if is_picture(frame))
            pipeline.screen.played.clear()
            await pipeline.send(*frames)
            await pipeline.until(lambda: pipeline.screen.loud_seconds > 0.4)
            asked = time.monotonic()
            await pipeline.send(InterruptionFrame())
            await asyncio.sleep(0.3)
            return heard, pictures / seconds, pipeline.screen.last_loud - asked, service.figures

    def is_picture(frame):
        return isinstance(frame, OutputImageRawFrame)

    heard, rate, silent, figures = asyncio.run(run())
    assert heard == 48_000
    assert rate > 20
    assert silent <= 0.2
    assert figures.turns == 1
    assert threads() == set()
