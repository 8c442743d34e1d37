"""What transports of voice agents are given of a face; the face is a stand-in without networks."""

import asyncio
import time
from contextlib import asynccontextmanager

import numpy as np
import pytest

from cfg.errors import StageError
from ditto import Engine
from integrations.stand_in_face import StandInFace
from stream_pipeline.face_opening import open_face
from stream_pipeline.face_stream import FaceLost, FaceStream, UtteranceEnd, as_mono, as_pcm
from stream_pipeline.live_face import LiveFrame

RATE = 24_000


def tone(seconds, level=0.5):
    return np.full(round(seconds * RATE), level, np.float32)


@asynccontextmanager
async def streaming(face):
    """A stream of a face, and the growing list of what it has given."""
    with face:
        stream, given = FaceStream(face), []

        async def keep():
            async for item in stream:
                given.append(item)

        task = asyncio.create_task(keep())
        try:
            yield stream, given
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(holds, seconds=10.0):
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "it takes too long"
        await asyncio.sleep(0.005)


def ends(given):
    return [item.utterance for item in given if isinstance(item, UtteranceEnd)]


def spoken(given):
    frames = [item for item in given if isinstance(item, LiveFrame) and len(item.sound)]
    return np.concatenate([frame.sound for frame in frames]) if frames else np.zeros(0, np.float32)


def test_an_utterance_comes_whole_and_its_end_comes_after_its_last_frame():
    async def run():
        async with streaming(StandInFace(RATE)) as (stream, given):
            for at in range(0, 7000, 480):
                await stream.push(tone(0.3)[at : min(at + 480, 7000)])
            await stream.flush()
            await stream.push(tone(0.1, 0.25))
            await stream.flush()
            await until(lambda: len(ends(given)) == 2)
            return given

    given = asyncio.run(run())
    sound = spoken(given)
    assert len(sound) == 7000 + 2400
    assert np.unique(sound[:7000]) == [0.5] and np.unique(sound[7000:]) == [0.25]
    order = [item.utterance for item in given if isinstance(item, UtteranceEnd) or len(item.sound)]
    assert order == sorted(order) and order.count(0) == 8 + 1  # seven frames and a short one, then the end


@pytest.mark.parametrize("incoming", [16_000, 22_050, 48_000])
def test_sound_of_another_rate_is_resampled_to_the_last_sample(incoming):
    async def run():
        async with streaming(StandInFace(RATE)) as (stream, given):
            for _ in range(2):
                for _ in range(10):
                    await stream.push(np.full(incoming // 50, 0.5, np.float32), incoming)
                await stream.flush()
            await until(lambda: len(ends(given)) == 2)
            return spoken(given)

    sound = asyncio.run(run())
    assert abs(len(sound) - 2 * 0.2 * RATE) <= 4
    assert np.median(sound) == pytest.approx(0.5, abs=0.01)


def test_16_bit_sound_goes_in_and_out_as_it_was():
    stereo = np.array([[-32768, -32768], [100, 300], [32767, 32767]], np.int16)
    mono = as_mono(stereo.tobytes(), 2)
    assert np.frombuffer(as_pcm(mono), np.int16).tolist() == [-32768, 200, 32767]
    assert np.frombuffer(as_pcm(np.array([1.5, -1.5], np.float32)), np.int16).tolist() == [32767, -32768]


def test_silence_between_utterances_has_pictures_and_no_sound():
    async def run():
        async with streaming(StandInFace(RATE)) as (_, given):
            await until(lambda: len(given) >= 5)
            return given

    given = asyncio.run(run())
    assert all(item.image is not None and not len(item.sound) for item in given)


def test_nothing_of_the_old_voice_comes_after_an_interruption():
    async def run():
        async with streaming(StandInFace(RATE)) as (stream, given):
            for _ in range(20):
                given.clear()
                await stream.push(tone(1.0))
                await until(lambda: len(spoken(given)))
                await stream.interrupt()
                before = len(given)
                await stream.push(tone(0.05, 0.25))
                await stream.flush()
                await until(lambda: ends(given))
                after = spoken(given[before:])
                assert np.unique(after) == [0.25] and len(after) == 1200
                assert len(ends(given)) == 1

    asyncio.run(run())


def test_a_frame_that_somebody_holds_is_stale_as_soon_as_it_is_interrupted():
    async def run():
        async with streaming(StandInFace(RATE)) as (stream, given):
            await stream.push(tone(1.0))
            await until(lambda: len(spoken(given)))
            held = next(item for item in given if len(item.sound))
            assert not stream.stale(held)
            asked = asyncio.create_task(stream.interrupt())
            await asyncio.sleep(0)
            assert stream.stale(held)
            await asked

    asyncio.run(run())


def test_an_interruption_by_another_hand_ends_the_utterance():
    async def run():
        face = StandInFace(RATE)
        async with streaming(face) as (stream, given):
            await stream.push(tone(1.0))
            await until(lambda: len(spoken(given)))
            face.interrupt()
            await until(lambda: ends(given) == [0])

    asyncio.run(run())


def test_where_the_face_fails_the_voice_is_spoken_to_its_end_and_so_is_the_next():
    async def run():
        face = StandInFace(RATE)
        async with streaming(face) as (stream, given):
            await stream.push(tone(0.4))
            await stream.flush()
            await until(lambda: len(spoken(given)))
            face.fail()
            await until(lambda: ends(given) == [0])
            began = time.monotonic()
            await stream.push(tone(0.2, 0.25))
            await stream.flush()
            await until(lambda: ends(given) == [0, 1])
            return given, time.monotonic() - began

    given, seconds = asyncio.run(run())
    (lost,) = [item for item in given if isinstance(item, FaceLost)]
    assert isinstance(lost.error, StageError) and "stand-in" in str(lost.error)
    sound = spoken(given)
    assert (sound == 0.5).sum() == 9600 and (sound == 0.25).sum() == 4800
    assert 0.15 < seconds < 0.6  # at the pace of the voice


def test_a_voice_without_a_face_can_be_interrupted():
    async def run():
        face = StandInFace(RATE)
        async with streaming(face) as (stream, given):
            face.fail()
            await until(lambda: given and isinstance(given[-1], FaceLost))
            await stream.push(tone(2.0))
            await until(lambda: len(spoken(given)))
            await stream.interrupt()
            before = len(given)
            await stream.push(tone(0.04, 0.25))
            await stream.flush()
            await until(lambda: ends(given) == [1])
            assert np.unique(spoken(given[before:])) == [0.25]

    asyncio.run(run())


def test_the_iteration_ends_when_the_face_is_closed():
    async def run():
        with StandInFace(RATE) as face:
            stream = FaceStream(face)
            async for _ in stream:
                break
            items = stream.__aiter__()
            await items.__anext__()
        with pytest.raises(StopAsyncIteration):
            while True:
                await asyncio.wait_for(items.__anext__(), 5)

    asyncio.run(run())


def test_a_face_of_a_portrait_is_opened_with_its_engine_and_speaks():
    async def run(face):
        stream, given = FaceStream(face), []
        await stream.push(tone(0.2))
        await stream.flush()
        async for item in stream:
            given.append(item)
            if isinstance(item, UtteranceEnd):
                return given

    with open_face("mini_online", "examples/drawn_woman.jpg", rate=RATE, max_size=256) as face:
        given = asyncio.run(run(face))
    assert len(spoken(given)) == 4800
    assert any(item.image is not None for item in given if isinstance(item, LiveFrame))


def test_a_face_may_use_an_engine_that_is_loaded_and_an_avatar_that_is_registered():
    with Engine.load("mini_online") as engine:
        avatar = engine.register("examples/drawn_woman.jpg", max_size=256)
        for portrait in (avatar, "examples/drawn_woman.jpg"):
            with open_face(engine, portrait, rate=RATE, max_size=256) as face:
                assert face.rate == RATE and max(face.size) <= 256
        engine.release(avatar)
