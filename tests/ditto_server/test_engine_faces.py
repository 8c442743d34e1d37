"""The real engine behind the server: what is pushed is spoken by a face that moves."""

import asyncio
import contextlib

import numpy as np
import pytest

from ditto.media.video import VideoSource
from ditto_server.live.faces import EngineFaces
from ditto_server.live.limits import Limits
from tests.ditto_server.conftest import EXAMPLES, PORTRAITS, running
from tests.ditto_server.test_socket import ask, named, opened, tone, until
from tests.ditto_server.test_webrtc import Viewer

CLIP = EXAMPLES / "astronaut_video.mp4"


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


def seen(live, session, seconds):
    """Pictures that a viewer gets of a session."""

    async def watched():
        async with Viewer(live, session) as viewer:
            await viewer.until(lambda: len(viewer.pictures) > 25 * seconds, 30)
            return [image.astype(np.int16) for _, image in viewer.pictures]

    return asyncio.run(watched())


def test_a_face_of_the_engine_is_seen_to_move(engine):
    with running(engine, Limits(max_sessions=2)) as live:
        session = live.session()
        pictures = seen(live, session, 1.2)
        with live.client() as client:
            figures = client.get(f"/v1/sessions/{session['id']}").json()["figures"]
    assert pictures[0].std() > 20
    assert np.abs(pictures[-1] - pictures[0]).max() > 10
    assert figures["processor_seconds"] > 0.05 and figures["quality"] == "every picture"


def test_a_text_without_a_synthesiser_or_with_one_is_answered(engine):
    with running(engine, Limits(max_sessions=2)) as live, opened(live.session()) as socket:
        answer = ask(socket, type="say", text="Yes.")
        if engine.speaks:
            assert until(socket, named("finished"), 20)[-1]["utterance"] == answer["utterance"]
            ask(socket, type="say", text="日本語")
            assert "nothing to pronounce" in until(socket, named("failed"), 20)[-1]["reason"]
        else:
            assert "no voice of its own" in answer["detail"]


def test_a_video_plays_behind_the_talk_and_has_a_picture_to_choose_it_by():
    source = EngineFaces([CLIP])
    source.faces = []
    with contextlib.closing(source), running(source, Limits(max_sessions=2)) as live:
        assert [one.name for one in source.portraits] == ["astronaut-video"]
        with live.client() as client:
            assert client.get("/v1/avatars/astronaut-video/picture").content[:2] == b"\xff\xd8"
        session = live.session()
        pictures = seen(live, session, 2)
        with opened(session) as socket:
            socket.send(tone(0.2))
            ask(socket, type="flush")
            assert until(socket, named("finished"))[-1]["seconds"] == pytest.approx(0.2, abs=0.05)
    with VideoSource(CLIP, 512, 25) as clip:
        frames = [clip.frame(number).mean(axis=2) for number in range(clip.count)]
    nearest = [int(np.argmin([np.abs(one - frame).mean() for frame in frames])) for one in pictures[::5]]
    assert nearest == sorted(nearest) and nearest[-1] - nearest[0] > 25
