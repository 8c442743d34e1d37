"""A face in LiveKit's own runner, sources and synchroniser; the room is a stand-in."""

import asyncio
import random
import time
from contextlib import asynccontextmanager
from itertools import pairwise

import numpy as np
import pytest
from livekit import rtc
from livekit.agents.voice.avatar import QueueAudioOutput
from livekit.plugins.ditto.generator import FaceRunner
from rooms import Room, Viewer

from integrations.stand_in_face import StandInFace

RATE = 24_000


def tone(seconds, rate=RATE, channels=1, level=0.5):
    """Frames of 20 ms, as a synthesiser gives them."""
    count = rate // 50
    pcm = np.full(count * channels, level * 32768, np.int16).tobytes()
    return [rtc.AudioFrame(pcm, rate, channels, count) for _ in range(round(seconds * 50))]


class Stage:
    """A running face, what is seen of it, and what the agent is told."""

    def __init__(self, output, viewer, face):
        self.output, self.viewer, self.face = output, viewer, face
        self.told = []
        output.on("playback_started", lambda event: self.told.append(("started",)))
        output.on(
            "playback_finished",
            lambda event: self.told.append(("finished", event.interrupted, event.playback_position)),
        )

    async def say(self, seconds, end=True, **how):
        for frame in tone(seconds, **how):
            await self.output.capture_frame(frame)
        if end:
            self.output.flush()

    async def until(self, holds, seconds=8.0):
        ends = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < ends, f"it takes too long: {self.told}"
            await asyncio.sleep(0.002)

    async def finished(self):
        await self.until(lambda: any(what[0] == "finished" for what in self.told))


@asynccontextmanager
async def staged(face=None):
    face = face or StandInFace(RATE)
    room, output = Room(), QueueAudioOutput(sample_rate=RATE, wait_playback_start=True)
    with face:
        runner = FaceRunner(face, room, output)
        await runner.start()
        try:
            async with Viewer(room) as viewer:
                stage = Stage(output, viewer, face)
                await stage.until(lambda: len(viewer.pictures) > 3)
                yield stage
        finally:
            await runner.aclose()


def test_an_idle_face_is_seen_25_times_a_second_and_not_heard():
    async def run():
        async with staged() as stage:
            stage.viewer.pictures.clear()
            await asyncio.sleep(2.0)
            return len(stage.viewer.pictures), stage.told, stage.viewer.loud_seconds

    pictures, told, loud = asyncio.run(run())
    assert 48 <= pictures <= 52
    assert told == [] and loud == 0


def test_an_utterance_is_heard_whole_and_told_to_the_last_sample():
    async def run():
        async with staged() as stage:
            await stage.say(0.5)
            await stage.finished()
            await asyncio.sleep(0.3)
            return stage.told, stage.viewer.loud_seconds

    told, loud = asyncio.run(run())
    assert told == [("started",), ("finished", False, pytest.approx(0.5))]
    assert loud == pytest.approx(0.5, abs=0.03)


def test_lips_and_voice_are_seen_and_heard_together():
    async def run():
        async with staged() as stage:
            offsets = []
            for _ in range(4):
                stage.told.clear()
                stage.viewer.pictures.clear()
                stage.viewer.sounds.clear()
                await stage.say(0.4)
                await stage.finished()
                await asyncio.sleep(0.3)
                seen = next(at for at, bright in stage.viewer.pictures if bright > 60)
                heard = next(at for at, loud, _ in stage.viewer.sounds if loud > 0.2)
                offsets.append(heard - seen)
            return offsets

    offsets = asyncio.run(run())
    assert max(map(abs, offsets)) < 0.08, offsets


@pytest.mark.parametrize("rate, channels", [(16_000, 1), (48_000, 2)])
def test_sound_of_another_rate_is_resampled(rate, channels):
    async def run():
        async with staged() as stage:
            await stage.say(0.4, rate=rate, channels=channels)
            await stage.finished()
            return stage.told

    assert asyncio.run(run())[-1] == ("finished", False, pytest.approx(0.4, abs=0.001))


def test_at_most_50_ms_of_the_old_voice_are_heard_after_a_clear():
    async def run():
        async with staged() as stage:
            after = []
            for attempt in range(8):
                stage.told.clear()
                await stage.say(3.0)
                await stage.until(lambda: stage.told)
                await asyncio.sleep(0.2 + 0.013 * attempt)
                cleared = time.monotonic()
                stage.output.clear_buffer()
                await stage.finished()
                await asyncio.sleep(0.3)
                after.append(stage.viewer.last_loud - cleared)
            return after

    after = asyncio.run(run())
    assert max(after) <= 0.05, after
    assert np.median(after) <= 0.02, after  # twice that where the synchroniser keeps its queues


async def interrupted_at_random(tries, seed):
    """Every try must be told of once, whenever the interruption comes."""
    dice = random.Random(seed)
    async with staged() as stage:
        for attempt in range(tries):
            stage.told.clear()
            await stage.say(dice.uniform(0.1, 1.0), end=dice.random() < 0.7)
            await asyncio.sleep(dice.choice([0.0, 0.02, dice.uniform(0, 0.2), dice.uniform(0.1, 0.8)]))
            whole = any(what[0] == "finished" for what in stage.told)
            stage.output.flush()  # as an agent session does, where the speech is still being made
            stage.output.clear_buffer()
            if dice.random() < 0.5:  # the next speech follows at once, as a barge-in answer does
                await stage.say(0.1)
                await stage.until(lambda: sum(what[0] == "finished" for what in stage.told) >= 2)
                expected = [not whole, False]
            else:
                await stage.finished()
                await asyncio.sleep(0.1)
                expected = [not whole]
            ends = [what for what in stage.told if what[0] == "finished"]
            assert [interrupted for _, interrupted, _ in ends] == expected, (attempt, stage.told)
            order = [what[0] for what in stage.told]
            assert ("started", "started") not in pairwise(order), order
            started = [order[at - 1] == "started" for at, name in enumerate(order) if name == "finished"]
            heard = [position > 0 for _, _, position in ends]
            assert started == heard, (attempt, stage.told)
            assert order[-1] == "finished"


def test_what_the_agent_is_told_is_right_in_random_interruptions():
    asyncio.run(interrupted_at_random(12, seed=1))


@pytest.mark.long
def test_what_the_agent_is_told_is_right_in_a_hundred_random_interruptions():
    asyncio.run(interrupted_at_random(100, seed=2))


def test_a_picture_that_is_not_there_is_left_out_and_the_sound_goes_on(caplog):
    async def run():
        async with staged(StandInFace(RATE, skip=2)) as stage:
            stage.viewer.pictures.clear()
            await stage.say(1.2)
            await stage.finished()
            await asyncio.sleep(0.3)
            return len(stage.viewer.pictures), stage.told, stage.viewer.loud_seconds

    pictures, told, loud = asyncio.run(run())
    assert pictures < 25
    assert told[-1] == ("finished", False, pytest.approx(1.2))
    assert loud == pytest.approx(1.2, abs=0.03)
    assert "behind schedule" not in caplog.text


def test_where_the_face_fails_the_voice_goes_on(caplog):
    async def run():
        async with staged() as stage:
            await stage.say(0.6)
            await stage.until(lambda: stage.told)
            stage.face.fail()
            await stage.finished()
            await stage.say(0.2)
            await stage.until(lambda: len(stage.told) == 4)
            await asyncio.sleep(0.3)
            return stage.told, stage.viewer.loud_seconds

    told, loud = asyncio.run(run())
    assert [what[0] for what in told] == ["started", "finished"] * 2
    assert told[1][2] == pytest.approx(0.6) and told[3][2] == pytest.approx(0.2)
    assert loud == pytest.approx(0.8, abs=0.05)
    assert caplog.text.count("the face has failed") == 1


def test_speech_that_comes_before_the_tracks_are_published_is_not_lost():
    async def run():
        room, output = Room(), QueueAudioOutput(sample_rate=RATE, wait_playback_start=True)
        subscribed = asyncio.Event()
        publish = room.local_participant.publish_track

        async def slow(track, options):
            await subscribed.wait()
            return await publish(track, options)

        room.local_participant.publish_track = slow
        with StandInFace(RATE) as face:
            runner = FaceRunner(face, room, output)
            await runner.start()
            async with Viewer(room) as viewer:
                stage = Stage(output, viewer, face)
                await stage.say(0.4)
                await asyncio.sleep(0.8)
                subscribed.set()
                await stage.finished()
                await asyncio.sleep(0.3)
            await runner.aclose()
            return stage.told, viewer.loud_seconds

    told, loud = asyncio.run(run())
    assert told[-1] == ("finished", False, pytest.approx(0.4))
    assert loud == pytest.approx(0.4, abs=0.05)


def test_a_runner_that_was_never_started_can_be_closed():
    async def run():
        with StandInFace(RATE) as face:
            await FaceRunner(face, Room(), QueueAudioOutput(sample_rate=RATE)).aclose()

    asyncio.run(run())
