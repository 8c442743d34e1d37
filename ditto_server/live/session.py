"""A session: one face, and those who are connected to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np

from cfg.errors import DittoError
from ditto.arrays import Floats
from ditto_server.live.event_loop import call_in
from ditto_server.live.events import EventLog, Said
from ditto_server.live.feed import Feed, ViewerOutlet
from ditto_server.live.ice import IceSettings
from ditto_server.live.limits import Bucket, Limits, listening
from ditto_server.live.microphone import Microphone
from ditto_server.live.outputs import OutputSettings, SessionOutputs
from ditto_server.live.patience import Flood, Patience, commanded
from ditto_server.live.problems import Problem, members
from ditto_server.live.remote import Answer, Command, Remote, parsed
from ditto_server.live.transport import Peer, PeerMaker, ViewerWires, Wires
from stream_pipeline.live_face import LiveFace

Own = Callable[[Command], Answer | None]  # answers commands that concern one connection alone

GOODBYE_SECONDS = 5.0  # in which a connection is closed in order
QUIET = 0.01  # of full scale: sound below is an open microphone, not somebody
ID_BYTES = 16  # of a session's name that nobody guesses


@dataclass(frozen=True, kw_only=True)
class Record:
    """Record of a session outside the process of its face: enough for it to go on in another."""

    id: str
    avatar: str
    seconds: float | None = None  # that it may last, where that is less than any may
    number: int = 0  # of its latest event
    age_seconds: float = 0.0
    idle_seconds: float = 0.0
    standing: Sequence[Command] = ()  # commands whose effect lasts
    pose: Sequence[float] | None = None  # that its face was last seen in
    recording: bool = True  # unless an operator has stopped it


class Session:
    """A face that somebody has asked for. Owned by the event loop, as is all here."""

    def __init__(
        self,
        record: Record,
        face: LiveFace,
        limits: Limits,
        make_peer: PeerMaker | None,
        ice: IceSettings,
        outputs: OutputSettings,
        lost: Callable[[Session, str], None],
    ) -> None:
        """`lost` is told why the face has ended by itself."""
        loop = asyncio.get_running_loop()
        self.id = record.id
        self.avatar = record.avatar
        self.seconds = min(limits.session_seconds, record.seconds or limits.session_seconds)
        self.face = face
        self.events = EventLog(loop, record.number)
        self._awake = asyncio.Event()  # once the face waits for nobody
        if record.pose is None:
            self._awake.set()
        self.feed = Feed(
            face, loop, lambda reason: lost(self, reason), early=self._awake.is_set(), begun=self._awake.set
        )
        self.microphone = Microphone(face, listening(limits))
        self.remote = Remote(face, self.microphone, limits)
        self.outputs = SessionOutputs(
            face, record.avatar, outputs, record.recording, partial(call_in, loop, self.tell_recording)
        )
        self._beginning: asyncio.Task[None] | None = None  # of its outputs, while the face waits
        self._restored = record.number > 0
        self._told_recorded = False
        self.servers = ice.servers(self.id)
        self.peers: dict[str, Peer] = {}
        self.commands = commanded(limits)  # by HTTP
        self._offers = Bucket(limits.offers_per_minute / 60, limits.offers_per_minute)
        self.left = time.monotonic()
        self.began, self.used = self.left - record.age_seconds, self.left - record.idle_seconds
        self.connections = 0
        self._limits = limits
        self._make_peer = make_peer
        self._leave: Callable[[], None] = face.subscribe(self.events.tell)
        self.events.heard += [self.remote.over, self._note]

    def join(self) -> Callable[[], None]:
        """One more connection; gives what ends it, to be called once or more."""
        if self.events.over:
            raise Problem(410, "the session is over")
        if self.connections >= self._limits.connections:
            raise Problem(429, f"the session has {self.connections} connections already; close one of them")
        self.connections += 1
        gone = False

        def leave() -> None:
            nonlocal gone
            if not gone:
                gone = True
                self.connections -= 1
                self.left = time.monotonic()

        return leave

    async def obey(self, command: Command) -> Answer:
        """The answer to a command; a text that is said is told to all, as its caption."""
        if command.get("type") != "figures":  # which pages ask for by themselves
            self.used = time.monotonic()
        if command.get("type") != "say":
            return await asyncio.to_thread(self.remote.obey, command)
        with self.events.held() as tell:  # the face may begin to speak before this thread goes on
            answer = await asyncio.to_thread(self.remote.obey, command)
            tell({"type": "caption", "utterance": answer["utterance"], "text": command["text"]})
        return answer

    async def obey_message(self, message: str | bytes, patience: Patience, own: Own | None = None) -> Answer:
        """The answer to a command as text, also where it is refused; `own` is asked for one first. A Flood
        where nothing is answered any more."""
        named: Answer = {}
        try:
            patience.take()
            command = parsed(message)
            named = {"id": command["id"]} if "id" in command else {}
            answered = await asyncio.to_thread(own, command) if own is not None else None
            if answered is not None:
                return {"type": "done", **answered, **named}
            return await self.obey(command)
        except Flood:
            raise
        except (DittoError, TimeoutError) as error:
            return {"type": "problem", **members(error), **named}

    async def push(self, samples: Floats, rate: int, to: Microphone) -> None:
        """Sound from a visitor, on one of the ways into the face."""
        self.notice(samples)
        await asyncio.to_thread(to.hear, samples, rate)

    def notice(self, samples: Floats) -> None:
        """Somebody is there, unless what their microphone gives is silence."""
        if np.abs(samples).max(initial=0.0) > QUIET:
            self.used = time.monotonic()

    async def set_recording(self, on: bool) -> str:
        """Begins or ends a recording; all are told. Gives the name of its file."""
        try:
            return await asyncio.to_thread(self.outputs.record if on else self.outputs.stop_recording)
        finally:
            self.tell_recording()

    async def begin_outputs(self) -> None:
        """Begins them. Of a recording all are told where the session is restored; a new one is described."""
        if self._awake.is_set():
            await asyncio.to_thread(self.outputs.begin)
        else:
            self._beginning = asyncio.ensure_future(self._begin_outputs_awake())
        if self._restored:
            self.tell_recording()
        else:
            self._told_recorded = self.outputs.recorded

    async def _begin_outputs_awake(self) -> None:
        """Outputs read a face, so that one that waits for its viewers would go on without them."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._awake.wait(), self._limits.connect_seconds)
        await asyncio.to_thread(self.outputs.begin)
        self.tell_recording()

    def tell_recording(self) -> None:
        """All are told whether the face is recorded, where they believe something else."""
        if self.outputs.recorded is not self._told_recorded:
            self._told_recorded = self.outputs.recorded
            self.events.put({"type": "recording", "on": self._told_recorded})

    async def answer(self, offer: str) -> tuple[str, str]:
        """Another viewer by WebRTC: the connection's name, and the SDP that answers the offer."""
        return await self._answer(offer, self.microphone, watches=True)

    async def answer_microphone(self, offer: str, mode: object) -> tuple[str, str]:
        """A microphone by WebRTC to which nothing is sent, with a mode of its own."""
        microphone = Microphone(self.face, listening(self._limits))
        microphone.set(mode)
        return await self._answer(offer, microphone, watches=False)

    async def _answer(self, offer: str, microphone: Microphone, watches: bool) -> tuple[str, str]:
        if self._make_peer is None:
            raise Problem(501, "this server speaks no WebRTC; use the WebSocket")
        if not self._offers.take():
            raise Problem(429, "too many offers in a minute")
        leave = self.join()
        name = new_name()
        viewer = self._viewer() if watches else None
        heard = False

        async def hear(samples: Floats, rate: int) -> None:
            nonlocal heard
            if microphone.mode != "off":
                heard = True
                with contextlib.suppress(TimeoutError, DittoError):  # more than fits is lost
                    await self.push(samples, rate, microphone)

        def ended() -> None:
            if viewer is not None:
                self.feed.remove(viewer.outlet)
                self.events.leave(viewer.events)
            if heard:
                end = microphone.end_utterance if watches else microphone.close
                asyncio.get_running_loop().run_in_executor(None, end)
            self.peers.pop(name, None)
            leave()

        seconds = self._limits.connect_seconds, self._limits.silent_seconds
        wires = Wires(viewer, hear, ended, *seconds)
        try:
            peer = self._make_peer(wires, self.servers)
        except BaseException:
            ended()
            raise
        self.peers[name] = peer
        try:
            return name, await peer.answer(offer)
        except BaseException:
            await peer.close()
            raise

    def _viewer(self) -> ViewerWires:
        patience = Patience(self._limits)

        async def command(message: str | bytes) -> str:
            return json.dumps(await self.obey_message(message, patience))

        return ViewerWires(self.feed.outlet(ViewerOutlet), self.events.listen(), command)

    def _note(self, event: Said) -> None:
        if event["type"] in ("started", "position", "finished"):
            self.used = time.monotonic()
        if event["type"] == "started":
            self._awake.set()
        if event["type"] == "interrupted":
            self.events.put({"type": "mute"})

    @property
    def figures(self) -> dict[str, object]:
        sent, face = self.feed.figures, self.face.figures
        spent = face.processor_seconds + self.feed.processor_seconds + self.outputs.processor_seconds
        return {
            **asdict(face),
            "processor_seconds": round(spent, 3),
            "connections": self.connections,
            "viewers": self.feed.viewers,
            "age_seconds": round(time.monotonic() - self.began, 1),
            "idle_seconds": round(time.monotonic() - self.used, 1),
            "encoded": sent.pictures,
            "repeated": sent.repeated,
            "encode_ms": round(sent.encode_ms, 2),
            "bits_per_second": sent.bits_per_second,
            "max_bits_per_second": sent.bitrate,
            "outputs": self.outputs.figures,
        }

    @property
    def record(self) -> Record:
        now, pose = time.monotonic(), self.face.pose
        return Record(
            id=self.id,
            avatar=self.avatar,
            seconds=self.seconds,
            number=self.events.number,
            age_seconds=now - self.began,
            idle_seconds=now - self.used,
            standing=self.remote.standing,
            recording=self.outputs.recording_wanted,
            pose=None if pose is None else [round(float(number), 6) for number in pose],
        )

    async def close(self) -> None:
        """Everybody leaves, then the face ends; no thread of it is left."""
        self.events.end()
        if self._beginning is not None:
            self._beginning.cancel()
            await asyncio.gather(self._beginning, return_exceptions=True)
        for peer in tuple(self.peers.values()):
            with contextlib.suppress(ConnectionError, asyncio.TimeoutError):
                await asyncio.wait_for(peer.close(), GOODBYE_SECONDS)
        self._leave()
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        self.feed.stop()
        try:
            self.face.__exit__(None, None, None)
        finally:
            self.outputs.close()
            self.feed.join()


def new_name() -> str:
    return secrets.token_urlsafe(ID_BYTES)
