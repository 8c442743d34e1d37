"""WebRTC by aiortc: packets that were encoded once go out to each viewer, its microphone comes in."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Coroutine, Iterator, Sequence
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

import av
import numpy as np
from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    AnyRtcpPacket,
    RtcpPsfbPacket,
    unpack_remb_fci,
)
from aiortc.sdp import SessionDescription

from ditto.arrays import Floats
from ditto_server.live.encoding import PICTURE_CLOCK, SOUND_CLOCK, Coded, VideoCodec
from ditto_server.live.feed import Ended, ViewerOutlet
from ditto_server.live.ice import IceServer
from ditto_server.live.patience import Flood
from ditto_server.live.problems import Problem, members
from ditto_server.live.transport import ViewerWires, Wires

if TYPE_CHECKING:
    Packet = av.Packet[av.stream.Stream]  # generic from PyAV 18 on, and nothing to be seen of it when it runs

MAX_CHANNELS = 4  # data channels of one viewer
MAX_MEDIA = 8  # sections of an offer
MAX_CANDIDATES = 64  # addresses of a viewer, to each of which packets are sent
MAX_BUFFERED = 1 << 20  # bytes of events that wait in a data channel
MAX_UNREAD = 100  # commands of one viewer that wait for those before them
MAX_COMMAND = 64 * 1024  # bytes
FAREWELL_SECONDS = 1.0  # in which a viewer that is cut off may read why

log = logging.getLogger(__name__)


class PictureTrack(MediaStreamTrack):
    kind = "video"

    def __init__(self, outlet: ViewerOutlet) -> None:
        super().__init__()
        self._outlet = outlet

    async def recv(self) -> Packet:
        with ended_as_aiortc_says_it():
            return packet_of(await self._outlet.picture(), PICTURE_CLOCK)


class SoundTrack(MediaStreamTrack):
    kind = "audio"

    def __init__(self, outlet: ViewerOutlet) -> None:
        super().__init__()
        self._outlet = outlet

    async def recv(self) -> Packet:
        with ended_as_aiortc_says_it():
            return packet_of(await self._outlet.sound(), SOUND_CLOCK)


def packet_of(coded: Coded, clock: int) -> Packet:
    packet: Packet = av.Packet(coded.data)
    packet.pts, packet.time_base = coded.ticks, Fraction(1, clock)
    return packet


@contextlib.contextmanager
def ended_as_aiortc_says_it() -> Iterator[None]:
    try:
        yield
    except Ended as error:
        raise MediaStreamError from error


class AiortcPeer:
    """Implements `Peer`."""

    def __init__(self, wires: Wires, servers: Sequence[IceServer]) -> None:
        self._wires = wires
        configuration = RTCConfiguration([RTCIceServer(s.urls, s.username, s.credential) for s in servers])
        self._connection = RTCPeerConnection(configuration)  # no server at all where the list is empty
        self._viewer = wires.viewer
        self._feedback = Feedback(wires.viewer)
        self._tasks: set[asyncio.Task[None]] = set()
        self._channels: list[RTCDataChannel] = []
        self._unread: asyncio.Queue[tuple[RTCDataChannel, str | bytes]] = asyncio.Queue(MAX_UNREAD)
        self._cut_off = False
        self._microphones = 0
        self._closing: asyncio.Task[None] | None = None
        self._connection.on("track", self._track)
        if wires.viewer is not None:
            self._connection.on("datachannel", partial(self._channel, wires.viewer))
        self._connection.on("connectionstatechange", self._state_changed)

    async def answer(self, offer: str) -> str:
        try:
            kinds = kinds_of(SessionDescription.parse(offer))
            if self._viewer is not None:
                self._offer_tracks(kinds, self._viewer.outlet)
            elif kinds != ["audio"]:
                raise Problem(400, "a microphone is offered by one audio section alone")
            known = RTCSessionDescription(without_local_names(offer), "offer")
            await self._connection.setRemoteDescription(known)
            if self._viewer is not None:
                self._receive_one_microphone()
            await self._connection.setLocalDescription(await self._connection.createAnswer())
        except Problem:
            raise
        except OperationError as error:
            raise Problem(
                415, "the offer takes neither H.264 nor VP8, or no Opus; those are what can be sent"
            ) from error
        except (InvalidAccessError, InvalidStateError) as error:
            raise Problem(400, f"the offer cannot be answered: {error}") from error
        except Exception as error:  # of a parser that takes any text to be well formed
            log.debug("an offer that cannot be read", exc_info=error)
            raise Problem(400, "the offer is not an SDP that can be read") from error
        described = self._connection.localDescription.sdp
        if self._viewer is not None:
            self._viewer.outlet.codec = agreed(described)
        self._start(self._watch())
        return described

    async def close(self) -> None:
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        current = asyncio.current_task()
        for task in self._tasks - {current}:
            task.cancel()
        await asyncio.gather(*self._tasks - {current}, return_exceptions=True)
        try:
            await self._connection.close()
        except Exception as error:  # a connection that an offer left half built cannot close what it lacks
            log.debug("a connection did not close in order", exc_info=error)
        finally:
            self._wires.ended()

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _offer_tracks(self, kinds: Sequence[str], outlet: ViewerOutlet) -> None:
        if "video" in kinds:
            self._feedback.attach(self._connection.addTrack(PictureTrack(outlet)))
            for transceiver in self._connection.getTransceivers():
                if transceiver.kind == "video":
                    codecs = RTCRtpSender.getCapabilities("video").codecs
                    order = ("video/h264", "video/vp8", "video/rtx")
                    known = [codec for codec in codecs if codec.mimeType.lower() in order]
                    transceiver.setCodecPreferences(
                        sorted(known, key=lambda codec: order.index(codec.mimeType.lower()))
                    )
        if "audio" in kinds:
            self._feedback.attach(self._connection.addTrack(SoundTrack(outlet)))
            for transceiver in self._connection.getTransceivers():
                if transceiver.kind == "audio":
                    codecs = RTCRtpSender.getCapabilities("audio").codecs
                    transceiver.setCodecPreferences([c for c in codecs if c.mimeType.lower() == "audio/opus"])

    def _receive_one_microphone(self) -> None:
        """No other medium is received: it would be decoded, and its frames would wait for ever."""
        for transceiver in self._connection.getTransceivers():
            if transceiver.direction == "recvonly":  # nothing of ours goes that way
                transceiver.direction = "inactive"
            elif transceiver.kind == "video":
                transceiver.direction = "sendonly"

    async def _watch(self) -> None:
        """Lets a viewer go that did not connect in time, or has gone without a word."""
        await asyncio.sleep(self._wires.connect_seconds)
        while self._connection.connectionState == "connected":
            await asyncio.sleep(self._wires.silent_seconds / 4)
            if time.monotonic() - self._feedback.heard > self._wires.silent_seconds:
                break
        log.info("a viewer did not connect, or has gone")
        self._finish()

    def _state_changed(self) -> None:
        if self._connection.connectionState == "connected" and self._viewer is not None:
            self._viewer.outlet.begin()
            self._viewer.outlet.request_key_frame()
        if self._connection.connectionState in ("failed", "closed"):
            self._finish()

    def _finish(self) -> None:
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())

    def _track(self, track: MediaStreamTrack) -> None:
        self._microphones += track.kind == "audio"
        if track.kind == "audio" and self._microphones == 1:
            self._start(self._hear(track))

    async def _hear(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                self._feedback.heard = time.monotonic()
                if isinstance(frame, av.AudioFrame):
                    await self._wires.hear(mono(frame), frame.sample_rate)

    def _channel(self, viewer: ViewerWires, channel: RTCDataChannel) -> None:
        if len(self._channels) >= MAX_CHANNELS:
            channel.close()
            return
        self._channels.append(channel)
        channel.on("message", lambda message: self._take(channel, message))
        if len(self._channels) == 1:
            self._start(self._obey(viewer))
            self._start(self._tell(viewer, channel))

    def _take(self, channel: RTCDataChannel, message: str | bytes) -> None:
        """Keeps a command for its turn: a data channel holds nobody back who sends faster than that."""
        if self._cut_off:
            return
        if len(message) > MAX_COMMAND or self._unread.full():
            self._start(self._send_away(channel, Flood()))
        else:
            self._unread.put_nowait((channel, message))

    async def _obey(self, viewer: ViewerWires) -> None:
        """Commands of all channels in the order they came."""
        while not self._cut_off:
            channel, message = await self._unread.get()
            try:
                send(channel, await viewer.command(message))
            except Flood as flood:
                await self._send_away(channel, flood)

    async def _send_away(self, channel: RTCDataChannel, flood: Flood) -> None:
        if not self._cut_off:
            self._cut_off = True
            closed = asyncio.Event()
            channel.on("close", closed.set)
            send(channel, json.dumps({"type": "problem", **members(flood)}))
            channel.close()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(closed.wait(), FAREWELL_SECONDS)
            self._finish()

    async def _tell(self, viewer: ViewerWires, channel: RTCDataChannel) -> None:
        with contextlib.suppress(Problem):
            while True:
                send(channel, json.dumps(await viewer.events.get()))


def send(channel: RTCDataChannel, text: str) -> None:
    """Unless the channel is closed, or its reader so slow that it has lost touch."""
    if channel.readyState == "open" and channel.bufferedAmount < MAX_BUFFERED:
        channel.send(text)


class Feedback:
    """Reports of a viewer: key frames it asks for, the bitrate that gets through, and that it is still there.

    aiortc hands these to encoders of its own alone.
    """

    def __init__(self, viewer: ViewerWires | None) -> None:
        self._viewer = viewer
        self.heard = time.monotonic()

    def attach(self, sender: RTCRtpSender) -> None:
        usual = sender._handle_rtcp_packet

        async def heard(packet: AnyRtcpPacket) -> None:
            self._hear(packet)
            await usual(packet)

        sender._handle_rtcp_packet = heard  # type: ignore[method-assign]

    def _hear(self, packet: AnyRtcpPacket) -> None:
        self.heard = time.monotonic()
        if isinstance(packet, RtcpPsfbPacket) and self._viewer is not None:
            if packet.fmt in (RTCP_PSFB_PLI, RTCP_PSFB_FIR):
                self._viewer.outlet.request_key_frame()
            elif packet.fmt == RTCP_PSFB_APP:
                with contextlib.suppress(ValueError):
                    self._viewer.outlet.bitrate, _ = unpack_remb_fci(packet.fci)


def kinds_of(offer: SessionDescription) -> list[str]:
    """The kinds of the sections of an offer, once it is known that each can be answered."""
    count, names = len(offer.media), {media.rtp.muxId for media in offer.media}
    if not 0 < count <= MAX_MEDIA:
        raise Problem(400, f"the offer has {count} media sections, but 1 to {MAX_MEDIA} are taken")
    bundled = {str(name) for group in offer.group for name in group.items}
    if len(names) < count or bundled - names:
        raise Problem(400, "the sections of the offer need names (a=mid) of their own, which a=group names")
    return [media.kind for media in offer.media]


def without_local_names(offer: str) -> str:
    """The offer without candidates that only a question to everybody in the local network would resolve, and
    with no more of the others than a viewer has; one behind a local name is known by the address from which
    it knocks."""
    kept, candidates = [], 0
    for line in offer.splitlines(keepends=True):
        if line.startswith("a=candidate"):
            if ".local " in line or candidates == MAX_CANDIDATES:
                continue
            candidates += 1
        kept.append(line)
    return "".join(kept)


def agreed(answer: str) -> VideoCodec | None:
    """The codec of the pictures that an answer settles on."""
    for media in SessionDescription.parse(answer).media:
        if media.kind == "video" and media.rtp.codecs and media.port and media.direction != "inactive":
            return "H264" if media.rtp.codecs[0].mimeType.lower() == "video/h264" else "VP8"
    return None


def mono(frame: av.AudioFrame) -> Floats:
    """(n,) samples in -1..1 of a decoded frame, whatever its channels."""
    samples = frame.to_ndarray()
    if frame.format.name.startswith("s16"):
        samples = samples / 32768
    channels = len(frame.layout.channels)
    return np.asarray(samples.reshape(-1, channels).mean(axis=1), np.float32)
