"""Visitors of the live server for long runs: they judge what comes, and keep nothing of it."""

import asyncio
import contextlib
import json

import httpx
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

SECONDS_TO_CONNECT = 30.0


def client_of(live):
    """A client that begins a connection for each request: one that idles is closed by the server in time."""
    alone = httpx.Limits(max_keepalive_connections=0)
    return httpx.AsyncClient(base_url=live.url, trust_env=False, timeout=30, limits=alone)


class Gone(Exception):
    """The session is over, or its process has ended."""


class Packets:
    """Numbers of RTP packets of one medium: whether any is missing."""

    WINDOW = 64  # packets within which a late one still comes

    def __init__(self):
        self.count = self.lost = 0
        self._next = None  # oldest number that has not come
        self._came = set()  # of those after it

    def note(self, number):
        if self._next is None:
            self._next = number
        if (number - self._next) % 65536 < 32768:
            self.count += number not in self._came
            self._came.add(number)
        while self._came:
            if self._next in self._came:
                self._came.discard(self._next)
            elif len(self._came) > self.WINDOW:
                self.lost += 1
            else:
                return
            self._next = (self._next + 1) % 65536


class Watcher:
    """A WebRTC viewer: `picture` and `sound` are called with each frame, `told` with each event."""

    def __init__(self, live, links, *, picture=None, sound=None, told=None, whep=False):
        self._live, self._links, self._whep = live, links, whep
        self._calls = {"video": picture, "audio": sound}
        self._told = told
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._tasks = []
        self.packets = {"video": Packets(), "audio": Packets()}
        self.flowing = asyncio.Event()

    async def __aenter__(self):
        connection = self._connection
        connection.on("track", lambda track: self._tasks.append(asyncio.ensure_future(self._watch(track))))
        if not self._whep:
            channel = connection.createDataChannel("events")
            channel.on("message", self._tell)
        for kind, call in self._calls.items():
            if call is not None:
                self._count(connection.addTransceiver(kind, direction="recvonly").receiver, kind)
        await connection.setLocalDescription(await connection.createOffer())
        try:
            sdp = await self._answered(connection.localDescription.sdp)
            await connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
            async with asyncio.timeout(SECONDS_TO_CONNECT):
                await self.flowing.wait()
        except BaseException:
            await self.leave()
            raise
        return self

    async def __aexit__(self, *_):
        await self.leave()

    async def leave(self, goodbye=True):
        """Hangs up; without a goodbye the packets just end, as where a network is lost."""
        if not goodbye:
            for transceiver in self._connection.getTransceivers():
                await transceiver.receiver.transport.transport.stop()
        await self._connection.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _answered(self, sdp):
        async with client_of(self._live) as client:
            if self._whep:
                answer = await client.post(
                    self._links["whep"], content=sdp, headers={"Content-Type": "application/sdp"}
                )
            else:
                answer = await client.post(self._links["offer"], json={"type": "offer", "sdp": sdp})
        if answer.status_code in (404, 410, 503):
            raise Gone(answer.text)
        assert answer.status_code in (200, 201), answer.text
        return answer.text if self._whep else answer.json()["sdp"]

    def _count(self, receiver, kind):
        taken, packets = receiver._handle_rtp_packet, self.packets[kind]
        codecs = {}

        async def received(packet, arrival_time_ms):
            if self._is_medium(receiver, packet, codecs):
                packets.note(packet.sequence_number)
            await taken(packet, arrival_time_ms=arrival_time_ms)

        receiver._handle_rtp_packet = received

    @staticmethod
    def _is_medium(receiver, packet, known):
        """Whether it is of the stream itself, not of what is sent again."""
        if packet.payload_type not in known:
            codec = receiver._RTCRtpReceiver__codecs.get(packet.payload_type)
            known[packet.payload_type] = codec is not None and not codec.mimeType.lower().endswith("rtx")
        return known[packet.payload_type]

    def _tell(self, message):
        if self._told is not None:
            self._told(json.loads(message))

    async def _watch(self, track):
        call = self._calls[track.kind]
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                self.flowing.set()
                call(frame)


class Wire:
    """The WebSocket of a session: answers are waited for, `told` is called with each event."""

    def __init__(self, session, told=lambda event: None):
        self._session, self._told = session, told
        self._waiting = {}  # id of a command to its answer
        self._asked = 0

    async def __aenter__(self):
        try:
            self._socket = await connect(self._session["socket"], proxy=None, open_timeout=30)
        except Exception as error:
            raise Gone(str(error)) from error
        self._reading = asyncio.ensure_future(self._read())
        return self

    async def __aexit__(self, *_):
        await self._socket.close()
        await self._reading

    async def vanish(self):
        """The connection is torn down without a closing handshake."""
        self._socket.transport.abort()
        await self._reading

    async def ask(self, **command):
        self._asked += 1
        answer = self._waiting[self._asked] = asyncio.get_running_loop().create_future()
        if self._reading.done():
            raise Gone("the socket was closed")
        await self.send(json.dumps({**command, "id": self._asked}))
        return await asyncio.wait_for(answer, 20)

    async def send(self, message):
        try:
            await self._socket.send(message)
        except ConnectionClosed as error:
            raise Gone(str(error)) from error

    async def _read(self):
        with contextlib.suppress(ConnectionClosed):
            async for message in self._socket:
                said = json.loads(message)
                if "id" in said:
                    self._waiting.pop(said["id"]).set_result(said)
                elif said["type"] != "problem":
                    self._told(said)
        for answer in self._waiting.values():
            answer.set_exception(Gone("the socket was closed"))
