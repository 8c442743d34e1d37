"""A live face as MP4 over a WebSocket, for Media Source Extensions, where WebRTC does not get through."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from ditto_server.live.encoding import Coded
from ditto_server.live.feed import Ended, Feed, Outlet
from ditto_server.live.fragments import Fragments
from ditto_server.live.session import Session
from ditto_server.live.socket import OVER

MAX_FRAMES = 12  # that wait for a reader, before it goes on with a key frame
NOT_TAKEN = 1003  # code with which a socket is closed that has sent something


class MovieOutlet(Outlet):
    """Frames on their way to one reader, who takes all that wait at once."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(feed)
        self._frames: deque[tuple[list[Coded], list[Coded]]] = deque()
        self.codec = "H264"

    async def frames(self) -> tuple[list[Coded], list[Coded]]:
        """Pictures and sounds since the last time: there is at least one frame of them."""
        while not self._frames:
            if self._needs_key:  # asked for by a reader that is there: all viewers receive it
                self.request_key_frame()
            await self._wait()
        frames = list(self._frames)
        self._frames.clear()
        return [one for shown, _ in frames for one in shown], [one for _, heard in frames for one in heard]

    def put(self, pictures: list[Coded], sounds: list[Coded], now: float) -> None:
        if self._needs_key and not (pictures and pictures[0].key):
            return
        self._needs_key = False
        self._frames.append((pictures, sounds))
        if len(self._frames) > MAX_FRAMES:
            self._frames.clear()
            self._needs_key = True
        self._wake()


async def serve_movie(socket: WebSocket, session: Session) -> None:
    """Until one side leaves."""
    await socket.accept()
    outlet = session.feed.outlet(MovieOutlet)
    outlet.begin()
    sending = asyncio.ensure_future(send(socket, outlet, session.face.size))
    try:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # left, or closed from this side
            if (await socket.receive())["type"] != "websocket.disconnect":
                await socket.close(NOT_TAKEN, "nothing is taken here: commands go to ws")
    finally:
        session.feed.remove(outlet)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        if socket.client_state is WebSocketState.CONNECTED:
            with contextlib.suppress(RuntimeError):
                await socket.close()


async def send(socket: WebSocket, outlet: MovieOutlet, size: tuple[int, int]) -> None:
    fragments = Fragments(size[0] // 2 * 2, size[1] // 2 * 2)
    try:
        while True:
            for message in fragments.put(*await outlet.frames()):
                await socket.send_bytes(message)
    except Ended:
        for message in fragments.flush():
            await socket.send_bytes(message)
        await socket.close(OVER, "the session is over")
