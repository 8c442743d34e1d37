"""A microphone by WHIP, with aiortc as the one who speaks."""

import asyncio
import contextlib
import subprocess
import sys

import httpx
import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from ditto.rates import FRAME_RATE
from ditto_server.live.limits import Limits
from ditto_server.live.webrtc import AiortcPeer
from tests.ditto_server.conftest import ROOT, running, wait_until
from tests.ditto_server.test_movie import read, reading
from tests.ditto_server.test_webrtc import Humming, Viewer

SDP = {"Content-Type": "application/sdp"}


@contextlib.asynccontextmanager
async def humming(live, session, query=""):
    """Somebody who hums; gives the client and where to hang up."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTransceiver(Humming(), direction="sendonly")
    await connection.setLocalDescription(await connection.createOffer())
    async with httpx.AsyncClient(base_url=live.url, trust_env=False) as client:
        at = session["links"]["whip"] + query
        made = await client.post(at, content=connection.localDescription.sdp, headers=SDP)
        assert made.status_code == 201 and made.headers["content-type"] == "application/sdp", made.text
        await connection.setRemoteDescription(RTCSessionDescription(made.text, "answer"))
        try:
            yield client, made.headers["location"], made.text
        finally:
            await connection.close()


def names(viewer):
    return [event["type"] for event in viewer.events]


def test_it_is_spoken_by_the_face_until_it_is_hung_up(live):
    async def watched():
        session = live.session()
        async with Viewer(live, session) as viewer:
            await viewer.until(lambda: viewer.sounds)
            async with humming(live, session) as (client, at, answer):
                await viewer.until(lambda: "started" in names(viewer))
                before = len(viewer.sounds)
                await viewer.until(lambda: len(viewer.sounds) > before + 30)
                heard = np.concatenate([samples for _, samples in viewer.sounds[before + 10 :]])
                codes = [(await client.delete(at)).status_code for _ in range(2)]
                await viewer.until(lambda: "finished" in names(viewer))
        return heard, codes, answer

    heard, codes, answer = asyncio.run(watched())
    spectrum = np.abs(np.fft.rfft(heard))
    assert np.argmax(spectrum) * 48_000 / len(heard) == pytest.approx(Humming.TONE, abs=10)
    assert codes == [200, 404]
    assert "a=recvonly" in answer and "m=video" not in answer


def test_it_is_listened_to_where_the_address_says_so_whatever_the_page_does(live):
    async def watched():
        session = live.session()
        async with Viewer(live, session) as viewer:
            await viewer.send(type="mode", microphone="off")
            async with humming(live, session, "?microphone=to"):
                await viewer.until(lambda: "listening" in names(viewer))
            return names(viewer)

    assert "started" not in asyncio.run(watched())


def test_nothing_is_kept_for_it_that_a_viewer_alone_receives(source):
    wired = []

    def peer(wires, servers):
        wired.append(wires)
        return AiortcPeer(wires, servers)

    async def joined(live):
        session = live.session()
        async with humming(live, session), Viewer(live, session):
            return [wires.viewer is not None for wires in wired]

    with running(source, make_peer=peer) as live:
        assert asyncio.run(joined(live)) == [False, True]


def test_it_is_a_connection_of_the_session_and_makes_no_pictures(live):
    async def shown():
        session = live.session()
        async with humming(live, session) as (client, at, _):
            face = live.source.faces[0]
            while not face._utterances:
                await asyncio.sleep(0.02)
            figures = (await client.get(f"/v1/sessions/{session['id']}")).json()["figures"]
            await client.delete(at)
            after = (await client.get(f"/v1/sessions/{session['id']}")).json()["figures"]
            return figures["connections"], figures["encoded"], after["connections"]

    assert asyncio.run(asyncio.wait_for(shown(), 20)) == (1, 0, 0)


@pytest.mark.parametrize(
    ("query", "kind", "offered", "status", "said"),
    [
        ("?microphone=loud", "application/sdp", ["audio"], 422, "must be one of: through, to"),
        ("?microphone=off", "application/sdp", ["audio"], 422, "must be one of: through, to"),
        ("", "text/plain", ["audio"], 415, "is sent as application/sdp"),
        ("", "application/sdp", ["audio", "video"], 400, "one audio section alone"),
        ("", "application/sdp", ["video"], 400, "one audio section alone"),
        ("", "application/sdp", [], 400, "0 media sections"),
    ],
)
def test_what_is_no_microphone_is_refused_and_leaves_nothing(live, query, kind, offered, status, said):
    async def offer():
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        for one in offered:
            connection.addTransceiver(one, direction="sendonly" if one == "audio" else "recvonly")
        sdp = (await connection.createOffer()).sdp if offered else "v=0\r\n"
        await connection.close()
        return sdp

    session = live.session()
    with live.client() as client:
        at = session["links"]["whip"] + query
        refused = client.post(at, content=asyncio.run(offer()), headers={"Content-Type": kind})
        assert refused.status_code == status and said in refused.json()["detail"], refused.text
        assert client.get(f"/v1/sessions/{session['id']}").json()["figures"]["connections"] == 0


SPEAKER = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from tests.ditto_server.conftest import Live
from tests.ditto_server.test_whip import humming

async def speak():
    async with humming(Live(int(sys.argv[2]), None), {"links": {"whip": sys.argv[3]}}):
        print("speaks", flush=True)
        await asyncio.sleep(60)

asyncio.run(speak())
"""


@pytest.mark.full
def test_one_that_goes_on_is_kept(source):
    limits = Limits(max_sessions=1, connect_seconds=1, silent_seconds=2)
    with running(source, limits) as live:

        async def watched():
            session = live.session()
            async with humming(live, session) as (client, _, _), reading(live, session) as socket:
                await read(socket, lambda got: len(got) > 4.5 * FRAME_RATE)
                return (await client.get(f"/v1/sessions/{session['id']}")).json()["figures"]["connections"]

        assert asyncio.run(watched()) == 2


@pytest.mark.full
def test_one_that_is_killed_is_let_go_and_its_utterance_is_over(source):
    limits = Limits(max_sessions=1, connect_seconds=1, silent_seconds=2)
    with running(source, limits) as live, live.client() as client:
        session = live.session()
        at = f"/v1/sessions/{session['id']}"
        line = [sys.executable, "-c", SPEAKER, str(ROOT), str(live.port), session["links"]["whip"]]
        with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as speaker:
            assert speaker.stdout.readline() == "speaks\n"
            wait_until(lambda: source.faces[0]._utterances)
            speaker.kill()
        wait_until(lambda: client.get(at).json()["figures"]["connections"] == 0, 20)
        with client.stream("GET", session["links"]["events"], headers={"Last-Event-ID": "0"}) as stream:
            assert any("finished" in one for one in stream.iter_lines())
