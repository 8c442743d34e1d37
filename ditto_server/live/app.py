"""The web application: pages, API and sessions put together."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ExceptionHandler, Scope

from cfg.errors import DittoError
from ditto_server.live.access import Access
from ditto_server.live.api import SessionApi
from ditto_server.live.bundle import bundled
from ditto_server.live.faces import FaceSource
from ditto_server.live.gate import Gate
from ditto_server.live.ice import IceSettings
from ditto_server.live.limits import Buckets, Limits
from ditto_server.live.lobby import Hosts, LobbyApi, OneProcess
from ditto_server.live.outputs import OutputSettings
from ditto_server.live.problems import of_a_fault, of_http, of_ours
from ditto_server.live.sessions import Sessions
from ditto_server.live.tokens import Signer, TokenSessions
from ditto_server.live.transport import PeerMaker

PAGES = Path(__file__).parents[1] / "pages"
FOR_OTHER_PAGES = {"Cache-Control": "no-cache", "Cross-Origin-Resource-Policy": "cross-origin"}
HANDLERS: Mapping[Any, ExceptionHandler] = {
    DittoError: of_ours,
    TimeoutError: of_ours,
    HTTPException: of_http,
    Exception: of_a_fault,
}


class Pages(StaticFiles):
    """Files that a browser asks for again whether they have changed."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def live_app(
    source: FaceSource,
    *,
    access: Access | None = None,
    limits: Limits | None = None,
    ice: IceSettings | None = None,
    outputs: OutputSettings | None = None,
    make_peer: PeerMaker | None = None,
) -> Starlette:
    """The application; `make_peer` is the WebRTC library, None for none."""
    access, limits = access or Access(), limits or Limits()
    sessions = Sessions(source, limits, make_peer, ice or IceSettings(), outputs)
    hosts = OneProcess(source, sessions, limits)
    return public(hosts, SessionApi(sessions, limits).routes(), access, limits, sessions)


def public(
    hosts: Hosts,
    session_routes: Sequence[BaseRoute],
    access: Access,
    limits: Limits,
    held: contextlib.AbstractAsyncContextManager[object],
) -> Starlette:
    """Application that visitors reach; `held` while it is served."""
    per_minute = limits.sessions_per_minute
    token_sessions = TokenSessions(Signer(access.key), hosts.has)
    lobby = LobbyApi(hosts, access, limits, Buckets(per_minute / 60, per_minute), token_sessions)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with held:
            yield

    component = bundled(PAGES, "avatar")

    async def avatar(request: Request) -> Response:
        return Response(component, media_type="text/javascript", headers=FOR_OTHER_PAGES)

    return Starlette(
        routes=[
            Route("/", page("index.html")),
            Route("/admin", page("admin.html")),
            Route("/avatar.js", avatar),
            *lobby.routes(),
            *session_routes,
            Mount("/pages", Pages(directory=PAGES)),
        ],
        middleware=[
            Middleware(Gate, access=access, token_sessions=token_sessions, body_bytes=limits.body_bytes)
        ],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )


def page(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def given(request: Request) -> Response:
        return FileResponse(PAGES / name, headers={"Cache-Control": "no-cache"})

    return given
