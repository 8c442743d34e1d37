"""The WebSocket of a session: commands and sound in, answers and events out."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable

import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from cfg.errors import ConfigError, DittoError
from ditto.arrays import Floats
from ditto.media.sound import Resampler
from ditto.rates import SAMPLE_RATE
from ditto_server.live.access import whole
from ditto_server.live.limits import Bucket, Limits, listening
from ditto_server.live.microphone import RATES
from ditto_server.live.patience import Flood, Patience
from ditto_server.live.problems import Problem, members
from ditto_server.live.remote import Answer, Command
from ditto_server.live.session import Session
from stream_pipeline.live_face import LiveFace

OVER, SLOW, TOO_BIG, FLOODED = 4000, 1013, 1009, 1008  # codes with which a socket is closed
WAYS = ("speech", "listen")

Send = Callable[[Answer], Awaitable[None]]


class SoundIn:
    """Binary messages: 16-bit little-endian samples, mono; `sound` says their rate and what they are for."""

    def __init__(self, face: LiveFace, pace: Bucket) -> None:
        """`pace` bounds the seconds that are listened to; those that are spoken wait in the face."""
        self._face = face
        self._pace = pace
        self._begin(SAMPLE_RATE, "speech")
        self._spoken = False  # since the last flush

    def set(self, command: Command) -> Answer:
        rate, to = command.get("rate", self._rate), command.get("to", self._to)
        if isinstance(rate, bool) or not isinstance(rate, int) or not RATES[0] <= rate <= RATES[1]:
            raise ConfigError(f"rate must be a whole number from {RATES[0]} to {RATES[1]}")
        if not isinstance(to, str) or to not in WAYS:
            raise ConfigError(f"to must be one of: {', '.join(WAYS)}")
        if (rate, to) != (self._rate, self._to):
            self.flush()
            self._begin(rate, to)
        return {"rate": rate, "to": to}

    def put(self, message: bytes) -> Floats:
        """The samples, once the face has them. May wait for it: not for the event loop's thread."""
        if len(message) % 2:
            raise Problem(400, f"sound is 16-bit samples, but the message has {len(message)} bytes")
        if self._to == "listen" and not self._pace.take(len(message) / 2 / self._rate):
            raise Problem(429, "this is more sound than anybody speaks in that time")
        samples = np.asarray(np.frombuffer(message, "<i2") / 32768, np.float32)
        sound = self._resampler.push(samples)
        if len(sound) and self._to == "listen":
            self._face.listen(sound)
        elif len(sound):
            self._face.push(sound, timeout=0)
            self._spoken = True
        return samples

    def flush(self) -> None:
        """The utterance is over, if there is one."""
        rest = self._resampler.flush()
        if not self._spoken:
            return
        if len(rest):
            with contextlib.suppress(TimeoutError):  # a few milliseconds that do not fit
                self._face.push(rest, timeout=0)
        self._face.flush()
        self._spoken = False

    def drop(self) -> None:
        """Forgets what was sent of an utterance: it is not to be heard."""
        self._begin(self._rate, self._to)
        self._spoken = False

    def _begin(self, rate: int, to: str) -> None:
        self._rate, self._to = rate, to
        self._resampler = Resampler(rate, SAMPLE_RATE if to == "listen" else self._face.rate)


async def serve_socket(socket: WebSocket, session: Session, limits: Limits) -> None:
    """Until one side leaves; whatever happens to one message is answered, not the end of it."""
    await socket.accept()
    listener = session.events.listen(whole(socket.query_params.get("after")))
    sending = asyncio.Lock()

    async def send(said: Answer) -> None:
        async with sending:
            await socket.send_text(json.dumps(said))

    async def tell() -> None:
        try:
            while True:
                await send(await listener.get())
        except Problem as problem:
            await socket.close(SLOW if listener.lost else OVER, str(problem))

    telling = asyncio.ensure_future(tell())
    try:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # left, or closed from this side
            await receive(socket, session, send, limits)
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        session.events.leave(listener)
        if socket.client_state is WebSocketState.CONNECTED:
            with contextlib.suppress(RuntimeError):
                await socket.close()


async def receive(socket: WebSocket, session: Session, send: Send, limits: Limits) -> None:
    """Messages one after the other: the next is not read before this one is done with."""
    sound, patience = SoundIn(session.face, listening(limits)), Patience(limits)
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text, data = message.get("text"), message.get("bytes")
            taken = limits.message_bytes if text is None else limits.body_bytes
            if len(text or data or "") > taken:
                await socket.close(TOO_BIG, f"a message may have {taken} bytes at most")
                return
            if text is not None:
                await send(await obeyed(text, session, patience, sound))
            elif data:
                try:
                    session.notice(await asyncio.to_thread(sound.put, data))
                except (DittoError, TimeoutError) as error:
                    patience.refuse()
                    await send({"type": "problem", **members(error)})
    except Flood as flood:
        await socket.close(FLOODED, str(flood))
    finally:
        with contextlib.suppress(DittoError, TimeoutError):  # the face may be gone, or full
            await asyncio.to_thread(sound.flush)


async def obeyed(text: str, session: Session, patience: Patience, sound: SoundIn) -> Answer:
    """The answer to a command; those that concern the binary messages of this very socket are its own."""

    def own(command: Command) -> Answer | None:
        if command.get("type") == "sound":
            return {"done": "sound", **sound.set(command)}
        if command.get("type") == "flush":
            sound.flush()
        if command.get("type") == "interrupt":
            sound.drop()
        return None

    return await session.obey_message(text, patience, own)
