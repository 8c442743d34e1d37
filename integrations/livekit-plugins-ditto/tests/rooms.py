"""Stand-ins for a LiveKit room: tracks are read locally, streams and calls go from one room to the other."""

import asyncio
import inspect
import time
import uuid
from contextlib import aclosing
from types import SimpleNamespace

import numpy as np
from livekit import rtc

LOUD = 0.02  # of full scale


class Publication:
    def __init__(self, track):
        self.track, self.kind, self.sid = track, track.kind, uuid.uuid4().hex

    async def wait_for_subscription(self):
        """Somebody has subscribed already."""


class Reader:
    """Receiving end of a byte stream."""

    def __init__(self, attributes):
        self.info = SimpleNamespace(stream_id=uuid.uuid4().hex, attributes=attributes)
        self._chunks = asyncio.Queue()

    def put(self, chunk):
        self._chunks.put_nowait(chunk)

    def __aiter__(self):
        return self

    async def __anext__(self):
        chunk = await self._chunks.get()
        if chunk is None:
            raise StopAsyncIteration
        return chunk


class Writer:
    """Sending end of a byte stream."""

    def __init__(self, reader):
        self._reader = reader

    async def write(self, chunk):
        self._reader.put(chunk)

    async def aclose(self):
        self._reader.put(None)


class Participant:
    def __init__(self, identity):
        self.identity = identity
        self.kind = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        self.state = rtc.ParticipantState.PARTICIPANT_STATE_ACTIVE
        self.attributes = {}
        self.track_publications = {}
        self.other = None  # room of the other participant
        self._rpc_handlers = {}

    async def publish_track(self, track, options):
        publication = Publication(track)
        self.track_publications[publication.sid] = publication
        if self.other is not None:
            self.other.emit("track_published", publication, self)
        return publication

    def register_rpc_method(self, name, handler):
        self._rpc_handlers[name] = handler

    async def perform_rpc(self, *, destination_identity, method, payload, response_timeout=None):
        handler = self.other.local_participant._rpc_handlers[method]
        answer = handler(SimpleNamespace(caller_identity=self.identity, payload=payload))
        return await answer if inspect.isawaitable(answer) else answer

    async def stream_bytes(self, name, *, topic, destination_identities, attributes):
        reader = Reader(attributes)
        self.other.streams[topic](reader, self.identity)
        return Writer(reader)


class Room(rtc.EventEmitter):
    name = "stand-in"

    def __init__(self, identity="agent"):
        super().__init__()
        self.local_participant = Participant(identity)
        self.remote_participants = {}
        self.streams = {}

    def isconnected(self):
        return True

    def register_byte_stream_handler(self, topic, handler):
        self.streams[topic] = handler

    def link(self, other):
        for here, there in ((self, other), (other, self)):
            here.local_participant.other = there
            here.remote_participants[there.local_participant.identity] = there.local_participant

    def track(self, kind):
        found = [p.track for p in self.local_participant.track_publications.values() if p.kind == kind]
        return found[0] if found else None


class Viewer:
    """What somebody in a room sees and hears, with the moment at which it came."""

    def __init__(self, room):
        self._room = room
        self.pictures = []  # (moment, brightness)
        self.sounds = []  # (moment, loudness, seconds)

    async def __aenter__(self):
        self._tasks = [asyncio.create_task(self._look()), asyncio.create_task(self._hear())]
        return self

    async def __aexit__(self, *_):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def last_loud(self):
        return max((at for at, loud, _ in self.sounds if loud > LOUD), default=0.0)

    @property
    def loud_seconds(self):
        return sum(seconds for _, loud, seconds in self.sounds if loud > LOUD)

    async def _track(self, kind):
        while (track := self._room.track(kind)) is None:
            await asyncio.sleep(0.005)
        return track

    async def _look(self):
        track = await self._track(rtc.TrackKind.KIND_VIDEO)
        async with aclosing(rtc.VideoStream(track, format=rtc.VideoBufferType.RGB24)) as stream:
            async for event in stream:
                picture = np.frombuffer(event.frame.data, np.uint8)
                self.pictures.append((time.monotonic(), float(picture.mean())))

    async def _hear(self):
        track = await self._track(rtc.TrackKind.KIND_AUDIO)
        async with aclosing(rtc.AudioStream(track)) as stream:
            async for event in stream:
                samples = np.frombuffer(event.frame.data, np.int16) / 32768
                self.sounds.append((time.monotonic(), float(np.abs(samples).max()), event.frame.duration))
