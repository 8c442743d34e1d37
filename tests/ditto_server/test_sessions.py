"""Sessions and the ways on which they end, without HTTP."""

import asyncio
import threading
from dataclasses import replace

import numpy as np
import pytest

from ditto_server.live.feed import Ended, Feed, ViewerOutlet
from ditto_server.live.ice import IceSettings
from ditto_server.live.limits import Limits
from ditto_server.live.mock_face import MockFace
from ditto_server.live.outputs import OutputSettings
from ditto_server.live.problems import Problem
from ditto_server.live.session import Record
from ditto_server.live.sessions import Sessions
from stream_pipeline.live_face import Started


def sessions_of(source, limits=None, outputs=None):
    return Sessions(source, limits or Limits(), None, IceSettings(), outputs)


def test_nothing_begins_in_a_server_that_stops(source):
    async def begun_late():
        async with sessions_of(source) as sessions:
            pass
        await sessions.open(Record(id="late", avatar="drawn-man"))

    with pytest.raises(Problem, match="the server stops") as refused:
        asyncio.run(begun_late())
    assert refused.value.status == 503 and source.faces == []


def test_nobody_joins_a_session_that_is_being_ended(mocks):
    async def joined_late():
        async with sessions_of(mocks) as sessions:
            session = await sessions.create(None)
            sessions.end(session, "it was ended")
            await asyncio.sleep(0)  # in which the end begins
            session.join()

    with pytest.raises(Problem, match="the session is over") as refused:
        asyncio.run(joined_late())
    assert refused.value.status == 410


def test_a_viewer_that_comes_after_the_last_picture_is_told_that_it_was_the_last(mocks):
    async def watched_late():
        with mocks.face("drawn-man") as face:
            feed = Feed(face, asyncio.get_running_loop(), lost=print)
            feed.stop()
            await asyncio.wait_for(feed.outlet(ViewerOutlet).picture(), 5)

    with pytest.raises(Ended):
        asyncio.run(watched_late())


class Prompt:
    """Faces that have begun to speak before `say` is over."""

    speaks = True

    def __init__(self, source):
        self.portraits = source.portraits

    def face(self, portrait, pose=None):
        return PromptFace(np.zeros((64, 64, 3), np.uint8))


class PromptFace(MockFace):
    def say(self, text):
        begun = threading.Event()
        forget = self.subscribe(lambda event: isinstance(event, Started) and begun.set())
        try:
            return super().say(text)
        finally:
            assert begun.wait(5)
            forget()


def test_a_caption_comes_before_its_text_is_spoken(mocks):
    async def said():
        async with sessions_of(Prompt(mocks)) as sessions:
            session = await sessions.create(None)
            session.feed.outlet(ViewerOutlet).begin()
            heard = session.events.listen()
            await session.obey({"type": "say", "text": "Hello there"})
            return [(await asyncio.wait_for(heard.get(), 5))["type"] for _ in range(2)]

    assert asyncio.run(said()) == ["caption", "started"]


@pytest.mark.parametrize("stopped", [False, True])
def test_a_session_that_goes_on_elsewhere_is_recorded_unless_that_was_stopped(mocks, tmp_path, stopped):
    outputs = OutputSettings(record=str(tmp_path))

    async def moved():
        async with sessions_of(mocks, outputs=outputs) as here, sessions_of(mocks, outputs=outputs) as there:
            first = await here.open(Record(id="one", avatar="drawn-man"))
            if stopped:
                await first.set_recording(False)
            second = await there.open(replace(first.record, number=10))
            kinds = [one["kind"] for one in second.figures["outputs"]]
            return kinds, second.record.recording, await told(second)

    if stopped:
        assert asyncio.run(moved()) == ([], False, ["restored"])
    else:
        assert asyncio.run(moved()) == (["recording"], True, ["restored", "recording on"])


@pytest.mark.parametrize("begins", ["a viewer", "a word", "time"])
def test_outputs_do_not_wake_a_face_that_waits_for_its_viewers(mocks, tmp_path, begins):
    outputs = OutputSettings(record=str(tmp_path))
    limits = Limits(connect_seconds=0.5 if begins == "time" else 60)

    async def restored():
        async with sessions_of(mocks, limits, outputs) as sessions:
            session = await sessions.open(Record(id="one", avatar="drawn-man", number=10, pose=[0.0]))
            outlet = session.feed.outlet(ViewerOutlet)  # of a viewer that connects
            waiting = list(session.figures["outputs"]), await told(session), session.record.recording
            if begins == "a viewer":
                outlet.begin()
            if begins == "a word":
                await session.obey({"type": "say", "text": "Hi"})
            async with asyncio.timeout(5):
                while not session.figures["outputs"]:
                    await asyncio.sleep(0.01)
            return waiting

    assert asyncio.run(restored()) == ([], ["restored", "recording on"], True)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_recording_that_has_not_begun_yet_can_be_stopped_and_begun(mocks, tmp_path):
    async def restored():
        async with sessions_of(mocks, outputs=OutputSettings(record=str(tmp_path))) as sessions:
            session = await sessions.open(Record(id="one", avatar="drawn-man", number=10, pose=[0.0]))
            with pytest.raises(Problem, match="is not being recorded"):
                await session.set_recording(False)
            stopped = session.outputs.recorded, session.record.recording, await told(session)
            await session.set_recording(True)
            session.feed.outlet(ViewerOutlet).begin()
            await session.set_recording(False)
            return stopped, await told(session)

    stopped, words = asyncio.run(restored())
    assert stopped == (False, False, ["restored", "recording on", "recording off"])
    assert words[-2:] == ["recording on", "recording off"] and len(list(tmp_path.iterdir())) == 1


async def told(session):
    """The events of a session so far, in words."""
    listener = session.events.listen(after=0)
    words, number = [], 0
    while number < session.events.number:
        event = await listener.get()
        number = event["number"]
        words.append(f"recording {'on' if event['on'] else 'off'}" if "on" in event else event["type"])
    return words
