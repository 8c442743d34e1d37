"""WebRTC, with aiortc as the viewer: what is received is judged."""

import asyncio
import contextlib
import itertools
import json
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError
from aiortc.rtp import RtcpSrPacket
from aiortc.sdp import SessionDescription

from ditto_server.live.limits import Limits
from ditto_server.live.mock_face import MockFace
from ditto_server.live.webrtc import without_local_names
from tests.ditto_server.conftest import running, wait_until

ROOT = Path(__file__).parents[2]
RATE = 16_000


class Viewer:
    """A peer that keeps what it sees and hears, by the clock of the sender."""

    def __init__(self, live, session, codec=None, microphone=None):
        self._live, self._session, self._codec = live, session, codec
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.pictures, self.sounds, self.events = [], [], []
        self.first = {}  # kind to RTP ticks, from which aiortc counts
        self.clock = {}  # kind to (RTP ticks, seconds of the sender) of its last report
        self.told = asyncio.Event()
        self.tasks = []
        self.microphone = microphone

    async def __aenter__(self):
        connection = self.connection
        connection.on("track", lambda track: self.tasks.append(asyncio.ensure_future(self._watch(track))))
        self.channel = connection.createDataChannel("events")
        self.channel.on("message", self._tell)
        video = connection.addTransceiver("video", direction="recvonly")
        if self._codec is not None:
            known = RTCRtpReceiver.getCapabilities("video").codecs
            video.setCodecPreferences([one for one in known if one.mimeType == f"video/{self._codec}"])
        if self.microphone is None:
            connection.addTransceiver("audio", direction="recvonly")
        else:
            connection.addTrack(self.microphone)
        for transceiver in connection.getTransceivers():
            self._note_reports(transceiver.receiver, transceiver.kind)
        await connection.setLocalDescription(await connection.createOffer())
        async with httpx.AsyncClient(base_url=self._live.url, trust_env=False) as client:
            answer = await client.post(
                self._session["links"]["offer"],
                json={"type": "offer", "sdp": connection.localDescription.sdp},
            )
        assert answer.status_code == 200, answer.text
        self.name = answer.json()["connection"]
        self.sdp = answer.json()["sdp"]
        await connection.setRemoteDescription(RTCSessionDescription(self.sdp, "answer"))
        return self

    async def __aexit__(self, *_):
        await self.connection.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def _note_reports(self, receiver, kind):
        usual = receiver._handle_rtcp_packet

        async def heard(packet):
            if isinstance(packet, RtcpSrPacket) and packet.sender_info.packet_count:
                info = packet.sender_info
                self.clock[kind] = (info.rtp_timestamp, info.ntp_timestamp / 2**32)
                self.told.set()
            await usual(packet)

        receiver._handle_rtcp_packet = heard
        taken = receiver._handle_rtp_packet

        async def received(packet, arrival_time_ms):
            self.first.setdefault(kind, packet.timestamp)
            await taken(packet, arrival_time_ms=arrival_time_ms)

        receiver._handle_rtp_packet = received

    def _tell(self, message):
        self.events.append(json.loads(message))
        self.told.set()

    async def _watch(self, track):
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                if track.kind == "video":
                    self.pictures.append((frame.pts, frame.to_ndarray(format="gray")))
                else:
                    self.sounds.append((frame.pts, frame.to_ndarray().reshape(-1, 2)[:, 0] / 32768))
                self.told.set()

    async def until(self, condition, seconds=10.0):
        async with asyncio.timeout(seconds):
            while not condition():
                self.told.clear()
                await self.told.wait()

    async def send(self, **command):
        await self.until(lambda: self.channel.readyState == "open")
        self.channel.send(json.dumps(command))

    def seconds(self, kind, pts):
        """When the sender says that a picture or sample belongs."""
        ticks, seconds = self.clock[kind]
        return seconds + (self.first[kind] + pts - ticks) / {"video": 90_000, "audio": 48_000}[kind]

    def flashes(self):
        """Times at which the corner of the picture becomes white."""
        lit = [
            (pts, image[: image.shape[0] // 16, : image.shape[1] // 16].mean() > 128)
            for pts, image in self.pictures
        ]
        return [
            self.seconds("video", pts) for (_, before), (pts, now) in itertools.pairwise(lit) if now > before
        ]

    def beeps(self):
        """Times at which silence ends."""
        found, quiet = [], -9600
        for pts, samples in self.sounds:
            for at in np.flatnonzero(np.abs(samples) > 0.05):
                if pts + at - quiet > 9600:
                    found.append(self.seconds("audio", pts + int(at)))
                quiet = pts + at
        return found


def run(coroutine):
    return asyncio.run(coroutine)


def beep(seconds=0.2, after=0.6):
    times = np.arange(round(seconds * RATE)) / RATE
    return np.concatenate([0.4 * np.sin(2 * np.pi * 440 * times), np.zeros(round(after * RATE))]).astype(
        np.float32
    )


@pytest.mark.parametrize("codec", ["H264", "VP8"])
def test_picture_and_sound_arrive_in_step_by_flash_and_beep(live, codec):
    async def watched():
        async with Viewer(live, live.session(), codec) as viewer:
            await viewer.until(lambda: viewer.pictures and viewer.sounds)
            live.source.faces[0].push(np.concatenate([beep() for _ in range(3)]))
            live.source.faces[0].flush()
            await viewer.until(
                lambda: len(viewer.clock) == 2 and "finished" in [e["type"] for e in viewer.events]
            )
            return viewer.flashes(), viewer.beeps(), viewer.pictures[-1][1].shape, viewer.sdp

    flashes, beeps, shape, sdp = run(watched())
    assert len(flashes) == len(beeps) == 3
    assert np.abs(np.subtract(flashes, beeps)).max() < 0.03
    assert shape == live.source.faces[0].size
    assert np.diff(flashes) == pytest.approx(0.8, abs=0.001)
    assert f"{codec}/90000" in sdp
    candidates = [line for line in sdp.splitlines() if line.startswith("a=candidate")]
    assert candidates and all(" typ host" in line for line in candidates)  # no server was asked


def test_pictures_come_25_times_a_second_and_none_twice(live):
    async def watched():
        async with Viewer(live, live.session()) as viewer:
            await viewer.until(lambda: len(viewer.pictures) >= 40)
            return [pts for pts, _ in viewer.pictures], [pts for pts, _ in viewer.sounds]

    pictures, sounds = run(watched())
    steps = np.diff(pictures)
    assert np.median(steps) == 3600 and steps.min() == 3600 and not (steps % 3600).any()
    assert set(np.diff(sounds)) == {960}


def test_events_and_commands_go_over_the_data_channel_and_an_interruption_says_mute(live):
    async def watched():
        async with Viewer(live, live.session()) as viewer:
            await viewer.until(lambda: viewer.pictures)
            await viewer.send(type="say", text="a rather long text that goes on and on and on")
            await viewer.until(lambda: "started" in [e["type"] for e in viewer.events])
            await viewer.send(type="interrupt")
            await viewer.until(lambda: "mute" in [e["type"] for e in viewer.events])
            ended = len(viewer.sounds)
            await viewer.until(lambda: len(viewer.sounds) >= ended + 40)
            return viewer.events, viewer.sounds[ended + 20 :]

    events, after = run(watched())
    names = [event["type"] for event in events]
    assert names.index("interrupted") < names.index("mute")
    assert "done" in names
    assert max(np.abs(samples).max() for _, samples in after) < 0.01


class SlowVoice:
    """Faces of which the first to speak takes its time."""

    speaks = True

    def __init__(self, source):
        self.portraits, self.faces = source.portraits, []

    def face(self, portrait, pose=None):
        self.faces.append(MockFace(np.zeros((64, 64, 3), np.uint8), speak=self._speak))
        return self.faces[-1]

    def close(self):
        pass

    def _speak(self, text):
        time.sleep(0.3)
        yield np.full(16_000, 0.2, np.float32)


def types(viewer):
    return [said["type"] for said in viewer.events]


def answered(viewer):
    return [said for said in viewer.events if said["type"] in ("done", "problem")]


def test_commands_of_a_viewer_are_obeyed_in_the_order_they_came(mocks):
    """An interruption behind a text that takes its time to be made is for that text too."""

    async def watched(live):
        async with Viewer(live, live.session()) as viewer:
            await viewer.send(type="say", text="slow", id=0)
            for number in range(1, 40):
                await viewer.send(type="interrupt" if number % 2 else "figures", id=number)
            await viewer.until(lambda: len(answered(viewer)) == 40 and "mute" in types(viewer))
            return answered(viewer), types(viewer)

    with running(SlowVoice(mocks)) as live:
        answers, told = run(watched(live))
    assert [said["id"] for said in answers] == list(range(40))
    assert {said["type"] for said in answers} == {"done"}
    assert told.count("interrupted") == 1 and "finished" not in told


@pytest.mark.parametrize(
    "flood",
    [['{"type": "say", "text": "slow"}'] * 150, ["{"] * 150, ["x" * 70_000]],
    ids=["more than one can do", "more than is refused", "too long"],
)
def test_a_viewer_that_floods_its_channel_is_told_and_cut_off(mocks, flood):
    async def watched(live):
        session = live.session()
        async with Viewer(live, session) as viewer:
            await viewer.until(lambda: viewer.channel.readyState == "open")
            for message in flood:
                viewer.channel.send(message)
            await viewer.until(
                lambda: "more than is taken" in (answered(viewer) or [{}])[-1].get("detail", "")
            )
            async with asyncio.timeout(10), httpx.AsyncClient(base_url=live.url, trust_env=False) as client:
                shown = f"/v1/sessions/{session['id']}"
                while (await client.get(shown)).json()["figures"]["connections"]:
                    await asyncio.sleep(0.05)

    with running(SlowVoice(mocks), Limits(max_sessions=1, commands_per_second=10)) as live:
        run(watched(live))


def test_two_viewers_share_one_encoder_and_the_second_sees_at_once(live):
    async def watched():
        session = live.session()
        async with Viewer(live, session) as first:
            await first.until(lambda: len(first.pictures) > 5)
            async with Viewer(live, session) as second:
                await second.until(lambda: len(second.pictures) > 5)
                async with httpx.AsyncClient(base_url=live.url, trust_env=False) as client:
                    shown = (await client.get(f"/v1/sessions/{session['id']}")).json()
                _, image = second.pictures[-1]
                await first.until(lambda: len(first.pictures) > 5 + len(second.pictures))
                return shown["figures"], np.std(image)

    figures, contrast = run(watched())
    assert figures["connections"] == 2
    assert figures["encoded"] <= figures["frames"] + 1
    assert contrast > 20


def test_a_microphone_is_spoken_through_the_face_or_listened_to(live):
    async def watched():
        async with Viewer(live, live.session(), microphone=Humming()) as viewer:
            await viewer.send(type="mode", microphone="to")
            await viewer.until(lambda: "listening" in [e["type"] for e in viewer.events])
            await viewer.send(type="mode", microphone="through")
            await viewer.until(lambda: "started" in [e["type"] for e in viewer.events])
            before = len(viewer.sounds)
            await viewer.until(lambda: len(viewer.sounds) > before + 30)
            return np.concatenate([samples for _, samples in viewer.sounds[before + 10 :]])

    heard = run(watched())
    spectrum = np.abs(np.fft.rfft(heard))
    assert np.argmax(spectrum) * 48_000 / len(heard) == pytest.approx(Humming.TONE, abs=10)


def test_a_viewer_that_leaves_in_mid_word_stands_in_nobody_elses_way(live):
    async def watched():
        session = live.session()
        async with Viewer(live, session) as other:
            async with Viewer(live, session, microphone=Humming()) as viewer:
                await viewer.send(type="mode", microphone="through")
                await viewer.until(lambda: "started" in types(viewer))
            await other.until(lambda: "finished" in types(other))
            await other.send(type="say", text="Hi")
            await other.until(lambda: types(other).count("finished") == 2)

    run(watched())


def test_of_what_a_viewer_would_send_one_microphone_is_received(live):
    async def answered():
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        for kind in ("video", "video", "audio", "audio"):
            connection.addTransceiver(kind, direction="sendrecv")
        await connection.setLocalDescription(await connection.createOffer())
        async with httpx.AsyncClient(base_url=live.url, trust_env=False) as client:
            answer = await client.post(
                live.session()["links"]["offer"],
                json={"type": "offer", "sdp": connection.localDescription.sdp},
            )
        await connection.close()
        return SessionDescription.parse(answer.json()["sdp"]).media

    media = [(one.kind, one.direction) for one in run(answered())]
    assert media == [
        ("video", "sendonly"),
        ("video", "inactive"),
        ("audio", "sendrecv"),
        ("audio", "inactive"),
    ]


class Humming(AudioStreamTrack):
    """A microphone before which somebody hums."""

    TONE = 500

    async def recv(self):
        frame = await super().recv()
        times = (frame.pts + np.arange(frame.samples)) / frame.sample_rate
        frame.planes[0].update((9000 * np.sin(2 * np.pi * self.TONE * times)).astype(np.int16).tobytes())
        return frame


def test_a_viewer_may_come_back_to_its_session(source):
    with running(source, Limits(max_sessions=1, keep_seconds=5)) as live:

        async def watched():
            session = live.session()
            for _ in range(2):
                async with Viewer(live, session) as viewer:
                    await viewer.until(lambda viewer=viewer: viewer.pictures)

        run(watched())
        assert len(source.faces) == 1


def test_who_never_connects_is_let_go_and_the_session_ends(source):
    limits = Limits(max_sessions=1, keep_seconds=0.2, connect_seconds=0.3)
    with running(source, limits) as live:
        session = live.session()

        async def offered():
            connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
            connection.addTransceiver("video", direction="recvonly")
            await connection.setLocalDescription(await connection.createOffer())
            sdp = connection.localDescription.sdp
            await connection.close()
            return sdp

        with live.client() as client:
            sdp = run(offered())
            assert (
                client.post(session["links"]["offer"], json={"type": "offer", "sdp": sdp}).status_code == 200
            )
        source.faces[0]._thread.join(15)
        assert not source.faces[0]._thread.is_alive()


VIEWER = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from tests.ditto_server.conftest import Live
from tests.ditto_server.test_webrtc import Viewer

async def watch():
    live = Live(int(sys.argv[2]), None)
    async with Viewer(live, {"links": {"offer": sys.argv[3]}}) as viewer:
        await viewer.until(lambda: len(viewer.pictures) > 5, 30)
        print("seen", flush=True)
        await asyncio.sleep(60)

asyncio.run(watch())
"""


def test_a_viewer_that_is_killed_is_let_go(source):
    limits = Limits(max_sessions=1, connect_seconds=1, silent_seconds=2)
    with running(source, limits) as live, live.client() as client:
        session = live.session()
        command = [sys.executable, "-c", VIEWER, str(ROOT), str(live.port), session["links"]["offer"]]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as viewer:
            assert viewer.stdout.readline() == "seen\n"
            assert client.get(f"/v1/sessions/{session['id']}").json()["figures"]["connections"] == 1
            viewer.kill()
        wait_until(
            lambda: client.get(f"/v1/sessions/{session['id']}").json()["figures"]["connections"] == 0, 20
        )


def test_whep_gives_an_answer_and_a_place_at_which_to_hang_up(live):
    session = live.session()

    async def offered():
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        connection.addTransceiver("video", direction="recvonly")
        connection.addTransceiver("audio", direction="recvonly")
        await connection.setLocalDescription(await connection.createOffer())
        async with httpx.AsyncClient(base_url=live.url, trust_env=False) as client:
            sdp = {"Content-Type": "application/sdp"}
            made = await client.post(
                session["links"]["whep"], content=connection.localDescription.sdp, headers=sdp
            )
            assert made.status_code == 201 and made.headers["content-type"] == "application/sdp"
            await connection.setRemoteDescription(RTCSessionDescription(made.text, "answer"))
            (video, *_) = [one.receiver.track for one in connection.getTransceivers() if one.kind == "video"]
            frame = await asyncio.wait_for(video.recv(), 10)
            gone = await client.delete(made.headers["location"])
            again = await client.delete(made.headers["location"])
        await connection.close()
        return frame.width, gone.status_code, again.status_code

    assert run(offered()) == (live.source.faces[0].size[1], 200, 404)


AV1 = (
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:96 AV1/90000\r\na=mid:0\r\na=recvonly\r\n"
    "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\na=rtcp-mux\r\n"
    f"a=fingerprint:sha-256 {':'.join(['AB'] * 32)}\r\n"
)


def test_of_the_addresses_that_an_offer_names_a_few_are_tried():
    local = "a=candidate:1 1 udp 1 0.local 1 typ host\r\n"
    other = "a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n"
    assert without_local_names(f"v=0\r\n{local}{other * 500}a=mid:0\r\n") == f"v=0\r\n{other * 64}a=mid:0\r\n"


def test_a_session_takes_so_many_offers_in_a_minute(source):
    with running(source, Limits(max_sessions=1, offers_per_minute=3)) as live, live.client() as client:
        offer, sent = live.session()["links"]["offer"], {"type": "offer", "sdp": ""}
        assert [client.post(offer, json=sent).status_code for _ in range(4)] == [400, 400, 400, 429]


@pytest.mark.full
def test_an_offer_with_random_damage_is_answered_or_refused(source):
    """Chromium's and our own offers hold the same lines; some of them are lost, doubled or scrambled here."""

    async def offered():
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        connection.addTransceiver("video", direction="recvonly")
        connection.addTransceiver("audio", direction="sendrecv")
        connection.createDataChannel("events")
        await connection.setLocalDescription(await connection.createOffer())
        sdp = connection.localDescription.sdp
        await connection.close()
        return sdp.splitlines()

    lines, chance = run(offered()), np.random.default_rng(14)
    statuses = set()
    limits = Limits(max_sessions=1, offers_per_minute=1000)
    with running(source, limits) as live, live.client() as client:
        session = live.session()
        for _ in range(100):
            damaged = list(lines)
            for _ in range(chance.integers(1, 4)):
                at = chance.integers(len(damaged))
                cut = chance.integers(len(damaged[at]) + 1)
                damaged[at : at + 1] = (
                    [],
                    [damaged[at]] * 3,
                    [damaged[at][:cut]],
                    [damaged[at][:cut] + "\u2603 -1" + damaged[at][cut:]],
                )[chance.integers(4)]
            sdp = "\r\n".join(damaged) + "\r\n"
            answer = client.post(session["links"]["offer"], json={"type": "offer", "sdp": sdp})
            statuses.add(answer.status_code)
            if answer.status_code == 200:
                name = answer.json()["connection"]
                client.delete(f"/v1/sessions/{session['id']}/connections/{name}")
        figures = client.get(f"/v1/sessions/{session['id']}").json()["figures"]
    assert statuses <= {200, 400, 415}
    assert figures["connections"] == 0
    assert psutil.Process().net_connections("udp") == []


OFFER = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"


@pytest.mark.parametrize(
    ("sdp", "status"),
    [
        ("", 400),
        ("hello", 400),
        ("\x00" * 100, 400),
        ("v=0\r\nm=video", 400),
        (OFFER, 400),
        (OFFER + AV1, 415),
        (OFFER + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" * 50, 400),
        (OFFER + "a=group:BUNDLE 0 1\r\n" + AV1, 400),
        (OFFER + AV1 + AV1, 400),
        (OFFER + "m=application 99999999999 X Y\r\na=sctp-port:x\r\n", 400),
    ],
)
def test_an_offer_that_makes_no_sense_is_refused_and_leaves_nothing(live, sdp, status):
    session = live.session()
    with live.client() as client:
        answer = client.post(session["links"]["offer"], json={"type": "offer", "sdp": sdp})
        assert answer.status_code == status, answer.text
        assert client.get(f"/v1/sessions/{session['id']}").json()["figures"]["connections"] == 0
        plain = client.post(session["links"]["whep"], content=sdp, headers={"Content-Type": "text/plain"})
        assert plain.status_code == 415
