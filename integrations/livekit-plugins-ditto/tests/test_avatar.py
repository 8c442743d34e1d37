"""A face under a real agent session, in its own process and behind data streams; the room is a stand-in."""

import asyncio
import threading
import time
from contextlib import asynccontextmanager, contextmanager

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import Agent, AgentSession, Plugin
from livekit.agents.voice.room_io import RoomOptions
from livekit.plugins import ditto
from rooms import Room, Viewer

from cfg.errors import ConfigError, DittoError
from ditto.media.sound import read_sound
from integrations.stand_in_face import StandInFace

RATE = 24_000


async def voice(samples, rate, frame=0.02):
    """Frames as a synthesiser gives them, faster than they are spoken."""
    count = round(rate * frame)
    for at in range(0, len(samples), count):
        pcm = (samples[at : at + count] * 32767).astype(np.int16)
        yield rtc.AudioFrame(pcm.tobytes(), rate, 1, len(pcm))


def tone(seconds, rate=RATE):
    return voice(np.full(round(seconds * rate), 0.5, np.float32), rate)


def listen(output):
    told = []
    output.on("playback_started", lambda _: told.append("started"))
    output.on("playback_finished", lambda event: told.append((event.interrupted, event.playback_position)))
    return told


async def until(holds, seconds=15.0):
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "it takes too long"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def speaking(avatar, room, seen_in=None):
    """An agent session whose sound goes to an avatar, and somebody who watches."""
    session = AgentSession()
    await session.start(Agent(instructions="Say what you are told."))
    await avatar.start(session, room=room)
    async with Viewer(seen_in or room) as viewer:
        try:
            await until(lambda: len(viewer.pictures) > 3)
            yield session, viewer
        finally:
            await session.aclose()
            await avatar.aclose()


def threads():
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("ditto-")}


def test_the_plugin_is_registered():
    assert any(plugin.title == "livekit.plugins.ditto" for plugin in Plugin.registered_plugins)


def test_the_room_options_of_the_readme_exist():
    assert RoomOptions(audio_output=False).audio_output is False


def test_an_agent_says_is_interrupted_and_says_again():
    async def run():
        avatar = ditto.AvatarSession(face=lambda: StandInFace(RATE))
        async with speaking(avatar, Room()) as (session, viewer):
            told, states = listen(session.output.audio), []
            session.on("agent_state_changed", lambda event: states.append(event.new_state))
            first = session.say("one", audio=tone(0.4))
            await first
            second = session.say("two", audio=tone(5.0))
            await until(lambda: told.count("started") == 2)
            await asyncio.sleep(0.4)
            asked = time.monotonic()
            await session.interrupt()
            await second
            interrupted = time.monotonic() - asked
            await asyncio.sleep(0.3)
            silent = viewer.last_loud - asked
            third = session.say("three", audio=tone(0.3))
            await third
            return (
                told,
                states,
                [first.interrupted, second.interrupted, third.interrupted],
                interrupted,
                silent,
            )

    told, states, interrupted, seconds, silent = asyncio.run(run())
    assert interrupted == [False, True, False]
    assert [what if what == "started" else what[0] for what in told] == [
        *("started", False, "started", True, "started", False)
    ]
    assert told[1][1] == pytest.approx(0.4) and told[5][1] == pytest.approx(0.3)
    assert 0.3 < told[3][1] < 0.7
    assert seconds < 0.3 and silent < 0.1
    assert states.count("speaking") == 3


def test_a_portrait_of_the_built_in_pack_speaks():
    speech = read_sound("../../examples/speech.flac").samples[16_000:32_000]

    async def run():
        avatar = ditto.AvatarSession("mini_online", "../../examples/drawn_woman.jpg", max_size=256)
        async with speaking(avatar, Room()) as (session, viewer):
            told = listen(session.output.audio)
            await asyncio.sleep(0.5)
            viewer.pictures.clear()
            begun = time.monotonic()
            await session.say("one", audio=voice(speech, 16_000))
            seconds = time.monotonic() - begun
            pictures = len(viewer.pictures)
            second = session.say("two", audio=voice(np.tile(speech, 5), 16_000))
            await until(lambda: told.count("started") == 2)
            await asyncio.sleep(0.4)
            asked = time.monotonic()
            await session.interrupt()
            await second
            await asyncio.sleep(0.3)
            return told, pictures / seconds, viewer.last_loud - asked

    before = threads()
    told, rate, silent = asyncio.run(run())
    assert told[0] == "started" and told[1] == (False, pytest.approx(1.0, abs=0.001))
    assert told[2] == "started" and told[3][0] is True
    assert rate > 20
    assert silent <= 0.1
    assert threads() == before


def test_an_avatar_that_never_started_can_be_closed():
    async def run():
        avatar = ditto.AvatarSession("mini_online", "nobody.jpg")
        await avatar.aclose()
        await avatar.aclose()

    asyncio.run(run())


def test_an_avatar_without_a_portrait_is_refused():
    with pytest.raises(ConfigError, match="needs a portrait"):
        ditto.AvatarSession("mini_online")


def test_a_portrait_that_is_not_there_leaves_the_session_its_sound_and_no_thread():
    async def run():
        session = AgentSession()
        await session.start(Agent(instructions="x"))
        sound = session.output.audio
        with pytest.raises(DittoError, match=r"nobody\.jpg"):
            await ditto.AvatarSession("mini_online", "nobody.jpg").start(session, room=Room())
        assert session.output.audio is sound
        await session.aclose()

    before = threads()
    asyncio.run(run())
    assert threads() == before


def test_closing_an_avatar_does_not_remove_the_agent_from_its_room():
    """The base class removes the avatar's participant, which in one process is the agent's own."""

    async def run():
        avatar = ditto.AvatarSession(face=lambda: StandInFace(RATE))
        session, room = AgentSession(), Room()
        await session.start(Agent(instructions="x"))
        await avatar.start(session, room=room)
        room.isconnected = lambda: pytest.fail("the room was asked for")
        await avatar.aclose()
        await session.aclose()

    asyncio.run(run())


def test_a_worker_speaks_and_is_interrupted_over_data_streams():
    async def run():
        here, there = Room("agent"), Room(ditto.remote.IDENTITY)
        here.link(there)
        closed = []

        @contextmanager
        def face():
            with StandInFace(RATE) as opened:
                yield opened
            closed.append(True)

        worker = asyncio.create_task(ditto.AvatarWorker(face=face).run(there, "agent"))
        try:
            async with speaking(ditto.RemoteAvatarSession(), here, seen_in=there) as (session, viewer):
                told = listen(session.output.audio)
                first = session.say("one", audio=tone(0.4))
                await first
                second = session.say("two", audio=tone(5.0))
                await until(lambda: told.count("started") == 2)
                await asyncio.sleep(0.4)
                asked = time.monotonic()
                await session.interrupt()
                await second
                await asyncio.sleep(0.3)
                silent = viewer.last_loud - asked
                third = session.say("three", audio=tone(0.3))
                await third
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
        return told, [first.interrupted, second.interrupted, third.interrupted], silent, closed

    told, interrupted, silent, closed = asyncio.run(run())
    assert interrupted == [False, True, False]
    assert [what if what == "started" else what[0] for what in told] == [
        *("started", False, "started", True, "started", False)
    ]
    assert told[1][1] == pytest.approx(0.4) and told[5][1] == pytest.approx(0.3)
    assert silent < 0.1
    assert closed == [True]


def test_a_worker_whose_agent_never_comes_leaves_nothing_behind():
    async def run():
        worker = asyncio.create_task(
            ditto.AvatarWorker(face=lambda: StandInFace(RATE)).run(Room("alone"), "agent")
        )
        await asyncio.sleep(0.2)
        worker.cancel()
        with pytest.raises(asyncio.CancelledError):
            await worker
        return [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    assert asyncio.run(run()) == []


def test_a_worker_joins_on_behalf_of_its_agent():
    from livekit import api

    token = ditto.worker_token("lobby", "agent", key="key", secret="a secret of more than thirty-two letters")
    claims = api.TokenVerifier("key", "a secret of more than thirty-two letters").verify(token)
    assert claims.identity == ditto.remote.IDENTITY and claims.video.room == "lobby"
    assert claims.attributes == {"lk.publish_on_behalf": "agent"}
