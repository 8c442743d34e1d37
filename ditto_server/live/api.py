"""The HTTP API of sessions: thin handlers that parse, call and answer. docs/live_protocol.md describes it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from ditto_server.live.access import whole
from ditto_server.live.limits import Limits
from ditto_server.live.movie import serve_movie
from ditto_server.live.problems import Problem, response_of
from ditto_server.live.remote import Command, parsed
from ditto_server.live.session import Session
from ditto_server.live.sessions import Sessions
from ditto_server.live.socket import serve_socket

SDP = "application/sdp"
WHIP_MODES = ("through", "to")  # what a microphone is for
KEEP_ALIVE_SECONDS = 15.0  # between comments of an event stream


@dataclass(frozen=True)
class SessionApi:
    """Requests about one session, by whoever knows its name: it is not guessed."""

    sessions: Sessions
    limits: Limits

    def routes(self) -> list[Route | WebSocketRoute]:
        return [
            Route("/v1/sessions/{id}", self.show, methods=["GET"]),
            Route("/v1/sessions/{id}", self.end, methods=["DELETE"]),
            Route("/v1/sessions/{id}/commands", self.command, methods=["POST"]),
            Route("/v1/sessions/{id}/events", self.events, methods=["GET"]),
            Route("/v1/sessions/{id}/offer", self.offer, methods=["POST"]),
            Route("/v1/sessions/{id}/connections/{connection}", self.hang_up, methods=["DELETE"]),
            WebSocketRoute("/v1/sessions/{id}/ws", self.socket),
            WebSocketRoute("/v1/sessions/{id}/mp4", self.movie),
            Route("/v1/sessions/{id}/whip", self.whip, methods=["POST"]),
            Route("/whep/{id}", self.whep, methods=["POST"]),
            Route("/whep/{id}/{connection}", self.hang_up, methods=["DELETE"]),
        ]

    async def show(self, request: Request) -> Response:
        session = self._session(request)
        return JSONResponse({**described(session, self.limits), "figures": session.figures})

    async def end(self, request: Request) -> Response:
        self.sessions.end(self._session(request), "it was ended")
        return Response(status_code=204)

    async def command(self, request: Request) -> Response:
        session = self._session(request)
        if not session.commands.take():
            raise Problem(429, "too many commands a second")
        return JSONResponse(await session.obey(await command_of(request, self.limits.request_seconds)))

    async def events(self, request: Request) -> Response:
        session = self._session(request)
        stream = event_stream(session, whole(request.headers.get("last-event-id")))
        return EventStream(session.join(), stream)

    async def offer(self, request: Request) -> Response:
        session = self._session(request)
        body = await command_of(request, self.limits.request_seconds)
        sdp = body.get("sdp")
        if body.get("type") != "offer" or not isinstance(sdp, str):
            raise Problem(400, 'an offer is {"type": "offer", "sdp": "…"}')
        name, answer = await session.answer(sdp)
        return JSONResponse({"type": "answer", "sdp": answer, "connection": name})

    async def whep(self, request: Request) -> Response:
        session = self._session(request)
        name, answer = await session.answer(await self._sdp(request))
        return Response(answer, 201, {"Location": f"/whep/{session.id}/{name}"}, media_type=SDP)

    async def whip(self, request: Request) -> Response:
        session = self._session(request)
        mode = request.query_params.get("microphone", "through")
        if mode not in WHIP_MODES:
            raise Problem(422, f"microphone is '{mode}', but must be one of: {', '.join(WHIP_MODES)}")
        name, answer = await session.answer_microphone(await self._sdp(request), mode)
        at = f"/v1/sessions/{session.id}/connections/{name}"
        return Response(answer, 201, {"Location": at}, media_type=SDP)

    async def _sdp(self, request: Request) -> str:
        """The offer that is the body of a request."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != SDP:
            raise Problem(415, f"an offer is sent as {SDP}, not as '{kind}'")
        return (await body_of(request, self.limits.request_seconds)).decode("utf-8", "replace")

    async def hang_up(self, request: Request) -> Response:
        peer = self._session(request).peers.get(request.path_params["connection"])
        if peer is None:
            raise Problem(404, "there is no such connection; it may be over")
        await peer.close()
        return Response(status_code=200)

    async def socket(self, socket: WebSocket) -> None:
        async with self._joined(socket) as session:
            if session is not None:
                await serve_socket(socket, session, self.limits)

    async def movie(self, socket: WebSocket) -> None:
        async with self._joined(socket) as session:
            if session is not None:
                await serve_movie(socket, session)

    @contextlib.asynccontextmanager
    async def _joined(self, socket: WebSocket) -> AsyncIterator[Session | None]:
        """The session of a WebSocket, which is one of its connections; None where that was refused."""
        try:
            session = self.sessions.get(socket.path_params["id"])
            leave = session.join()
        except Problem as problem:
            await refuse(socket, problem)
            yield None
            return
        try:
            yield session
        finally:
            leave()

    def _session(self, request: Request) -> Session:
        return self.sessions.get(request.path_params["id"])


def described(session: Session, limits: Limits) -> dict[str, object]:
    """A session as whoever began it is told of it."""
    at, (height, width) = f"/v1/sessions/{session.id}", session.face.size
    return {
        "id": session.id,
        "avatar": session.avatar,
        "rate": session.face.rate,
        "width": width,
        "height": height,
        "keep_seconds": limits.keep_seconds,
        "recorded": session.outputs.recorded,
        "ice_servers": [server.as_json() for server in session.servers],
        "links": {
            **{name: f"{at}/{name}" for name in ("offer", "ws", "mp4", "whip", "events", "commands")},
            "whep": f"/whep/{session.id}",
        },
    }


async def body_of(request: Request, seconds: float) -> bytes:
    try:
        return await asyncio.wait_for(request.body(), seconds)
    except ClientDisconnect as error:
        raise Problem(400, "the request ended in the middle") from error
    except asyncio.TimeoutError as error:
        raise Problem(408, f"the request did not come to its end within {seconds:g} s") from error


async def command_of(request: Request, seconds: float, empty: bool = False) -> Command:
    body = await body_of(request, seconds)
    found: Mapping[str, object] = {} if empty and not body.strip() else parsed(body)
    return found


async def refuse(socket: WebSocket, problem: Problem) -> None:
    await socket.send_denial_response(response_of(problem))


class EventStream(StreamingResponse):
    """An answer that holds a connection of its session for as long as it lasts, whether it is read or not."""

    def __init__(self, leave: Callable[[], None], events: AsyncIterator[str]) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()


async def event_stream(session: Session, after: int | None) -> AsyncIterator[str]:
    """Server-sent events; a comment now and then shows the way is open."""
    listener = session.events.listen(after)
    try:
        while True:
            try:
                event = await asyncio.wait_for(listener.get(), KEEP_ALIVE_SECONDS)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            yield f"id: {event['number']}\nevent: {event['type']}\ndata: {json.dumps(event)}\n\n"
    except Problem:
        return
    finally:
        session.events.leave(listener)
