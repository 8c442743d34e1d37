"""The real engine behind the server: what is pushed is spoken by a face that moves."""

import asyncio

import numpy as np
import pytest

from ditto_server.live.faces import EngineFaces
from ditto_server.live.limits import Limits
from tests.ditto_server.conftest import PORTRAITS, running
from tests.ditto_server.test_socket import ask, named, opened, tone, until
from tests.ditto_server.test_webrtc import Viewer


@pytest.fixture(scope="module")
def engine():
    source = EngineFaces(PORTRAITS[:1])
    source.faces = []
    yield source
    source.close()


def test_a_face_of_the_engine_speaks_and_stops(engine):
    with running(engine, Limits(max_sessions=2)) as live, opened(live.session()) as socket:
        socket.send(tone(10))
        until(socket, named("started"))
        assert ask(socket, type="interrupt")["type"] == "done"
        until(socket, named("interrupted"))
        socket.send(tone(0.2))
        ask(socket, type="flush")
        assert until(socket, named("finished"))[-1]["seconds"] == pytest.approx(0.2, abs=0.05)


def test_a_face_of_the_engine_is_seen_to_move(engine):
    with running(engine, Limits(max_sessions=2)) as live:

        async def watched():
            async with Viewer(live, live.session()) as viewer:
                await viewer.until(lambda: len(viewer.pictures) > 30, 30)
                return [image.astype(np.int16) for _, image in viewer.pictures]

        pictures = asyncio.run(watched())
    assert pictures[0].std() > 20
    assert np.abs(pictures[-1] - pictures[0]).max() > 10


def test_a_text_without_a_synthesiser_or_with_one_is_answered(engine):
    with running(engine, Limits(max_sessions=2)) as live, opened(live.session()) as socket:
        answer = ask(socket, type="say", text="Yes.")
        if engine.speaks:
            assert until(socket, named("finished"), 20)[-1]["utterance"] == answer["utterance"]
            ask(socket, type="say", text="日本語")
            assert "nothing to pronounce" in until(socket, named("failed"), 20)[-1]["reason"]
        else:
            assert "no voice of its own" in answer["detail"]
