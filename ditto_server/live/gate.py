"""The gate before the application: host, origin and size of every request."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ditto_server.live.access import MAX_DIGITS, Access, bearer, whole
from ditto_server.live.problems import Problem, response_of
from ditto_server.live.tokens import TokenSessions

FOR_ANY_PAGE = ("/avatar.js",)  # files that pages of all origins may load


class Gate:
    """Middleware: host, origin and size of every request are checked; answers say what pages may do."""

    def __init__(self, app: ASGIApp, access: Access, token_sessions: TokenSessions, body_bytes: int) -> None:
        self._app, self._access, self._body_bytes = app, access, body_bytes
        self._token_sessions = token_sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._access.check_host(headers.get("host"))
            allowed = self._allowed(scope, headers)
            length = headers.get("content-length", "0")
            if len(length) > MAX_DIGITS or (whole(length) or 0) > self._body_bytes:
                raise Problem(413, f"a request may have {self._body_bytes} bytes at most")
        except Problem as problem:
            await response_of(problem)(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" and allowed:
            await preflight(send, allowed)
            return
        await self._app(
            scope, bounded(receive, self._body_bytes), with_headers(send, [*PAGE_HEADERS, *allowed])
        )

    def _allowed(self, scope: Scope, headers: Headers) -> list[tuple[bytes, bytes]]:
        """Headers that let a page of elsewhere read the answer; a Problem where it may not even ask."""
        origin, given, path = headers.get("origin"), bearer(headers), scope["path"]
        if path in FOR_ANY_PAGE:
            return [(b"access-control-allow-origin", b"*")]
        method = scope.get("method", "GET")  # a WebSocket begins with one
        self._token_sessions.check_shown(method, path, given)
        if origin is not None and self._token_sessions.admits(origin, method, path, given):
            return cross_origin(origin)
        self._access.check_origin(origin, headers.get("host"))
        return cross_origin(origin) if origin in self._access.origins else []


PAGE_HEADERS = [
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob: mediastream:; "
        b"connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"microphone=(self), camera=(), geolocation=()"),
]


def cross_origin(origin: str | None) -> list[tuple[bytes, bytes]]:
    return [
        (b"access-control-allow-origin", (origin or "").encode("latin-1")),
        (b"access-control-allow-headers", b"authorization, content-type"),
        (b"access-control-allow-methods", b"GET, POST, DELETE"),
        (b"access-control-expose-headers", b"location, retry-after"),
        (b"vary", b"origin"),
    ]


async def preflight(send: Send, headers: Iterable[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": list(headers)})
    await send({"type": "http.response.body", "body": b""})


def with_headers(send: Send, headers: list[tuple[bytes, bytes]]) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *headers]}
        await send(message)

    return sending


def bounded(receive: Receive, limit: int) -> Receive:
    """Ends a body of unknown length where it is longer than is taken."""
    left = limit

    async def receiving() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise Problem(413, f"a request may have {limit} bytes at most")
        return message

    return receiving
