"""Connections of visitors by uvicorn: who says nothing, reads nothing or sends crumbs is hung up on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from ditto_server.live.limits import Limits

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent, ASGISendEvent

MAX_SILENT = 200  # connections that wait for a request; the one that has waited longest makes room
MAX_PIECES = 1000  # frames of one WebSocket message
NOT_TEXT, TOO_MANY_PIECES = 1007, 1009  # codes with which a WebSocket is closed


class Unread:
    """Hangs up where what is sent is not read in time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, seconds: float) -> None:
        self._loop, self._transport, self._seconds = loop, transport, seconds
        self._timer: asyncio.TimerHandle | None = None
        transport.set_write_buffer_limits(0)  # all that the system does not take at once counts

    def begin(self) -> None:
        self.end()
        self._timer = self._loop.call_later(self._seconds, self._transport.abort)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class WebSockets(WebSocketsSansIOProtocol):
    """WebSockets by uvicorn. Nothing more is read from a visitor that does not read: not even pings, each of
    which is answered."""

    unread_seconds: ClassVar[float]
    _unread: Unread

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._unread = Unread(self.loop, self.transport, self.unread_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._unread.end()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread.begin()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unread.end()
        if not self.read_paused:
            self.transport.resume_reading()

    async def send(self, message: ASGISendEvent) -> None:
        if self.close_sent and message["type"] in ("websocket.send", "websocket.close"):
            raise ClientDisconnected  # it was closed from here, as for a frame that breaks the protocol
        await super().send(message)

    async def receive(self) -> ASGIReceiveEvent:
        message = await super().receive()
        if not self.writable.is_set():
            self.transport.pause_reading()
        return message

    def handle_cont(self, event: Frame) -> None:
        if self.close_sent:
            return
        if len(self.frames) >= MAX_PIECES:
            self._refuse(TOO_MANY_PIECES, f"a message may have {MAX_PIECES} frames at most")
        else:
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text" and not is_text(b"".join(self.frames)):
            self._refuse(NOT_TEXT, "a text message must be UTF-8")
        else:
            super().send_receive_event_to_app()

    def _refuse(self, code: int, reason: str) -> None:
        self.frames = []
        if not self.close_sent:
            self.conn.fail(code, reason)
            self.handle_parser_exception()


def is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def websocket_protocol(limits: Limits) -> type[WebSockets]:
    """WebSockets within these limits."""

    class Limited(WebSockets):
        unread_seconds = limits.unread_seconds

    return Limited


def http_protocol(limits: Limits) -> type[H11Protocol]:
    """HTTP by uvicorn, which hangs up on who has long said nothing that is a request."""
    silent: dict[H11Protocol, None] = {}  # the longest first

    class Impatient(H11Protocol):
        _patience: asyncio.TimerHandle | None = None
        _unread: Unread

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._unread = Unread(self.loop, transport, limits.unread_seconds)
            self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop()
            self._unread.end()
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._unread.begin()

        def resume_writing(self) -> None:
            super().resume_writing()
            self._unread.end()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._wait()

        def handle_events(self) -> None:
            super().handle_events()
            if not self._is_silent():
                silent.pop(self, None)

        def handle_websocket_upgrade(self, event: h11.Request) -> None:
            self._stop()
            self._unread.end()
            super().handle_websocket_upgrade(event)

        def _wait(self) -> None:
            self._stop()
            self._patience = self.loop.call_later(limits.request_seconds, self._give_up)
            if self._is_silent():
                silent[self] = None
            if len(silent) > MAX_SILENT:
                longest = next(iter(silent))
                del silent[longest]
                longest.transport.abort()

        def _stop(self) -> None:
            silent.pop(self, None)
            if self._patience is not None:
                self._patience.cancel()

        def _give_up(self) -> None:
            if self._is_silent():
                self.transport.abort()

        def _is_silent(self) -> bool:
            cycle = cast("H11Protocol | None", self.cycle)  # None before the first request
            return cycle is None or self.cycle.response_complete

    return Impatient
