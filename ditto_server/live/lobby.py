"""The HTTP API before there is a session: who can be chosen, beginning, and the list of all."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cfg.settings import EMOTIONS
from ditto.motion.gestures import GESTURES
from ditto_server.live.access import Access, bearer
from ditto_server.live.api import command_of, described
from ditto_server.live.faces import FaceSource, Portrait
from ditto_server.live.limits import Buckets, Limits
from ditto_server.live.problems import Problem, try_again
from ditto_server.live.sessions import Sessions
from stream_pipeline.processor_time import resident_bytes

DISTRIBUTION = "ditto-engine"

Described = Mapping[str, object]


class Hosts(Protocol):
    """Lobby: sessions are begun in this process, or in workers."""

    @property
    def portraits(self) -> Sequence[Portrait]: ...

    @property
    def speaks(self) -> bool: ...

    async def begin(self, avatar: str | None) -> Described:
        """A session that has begun, as it is described; a Problem that says why where there is no room."""

    def listed(self) -> Described:
        """All sessions, and the processes that they are in, with their figures."""

    async def record(self, id: str, on: bool) -> str:
        """Begins or ends the recording of a session; gives the name of its file."""


class OneProcess:
    """Implements `Hosts`: all sessions are in this process."""

    def __init__(self, source: FaceSource, sessions: Sessions, limits: Limits) -> None:
        self._sessions, self._limits = sessions, limits
        self.portraits, self.speaks = source.portraits, source.speaks

    async def begin(self, avatar: str | None) -> Described:
        return described(await self._sessions.create(avatar), self._limits)

    def listed(self) -> Described:
        sessions = [
            {"id": one.id, "avatar": one.avatar, "worker": 0, "figures": one.figures}
            for one in self._sessions
        ]
        itself = {
            "worker": 0,
            "process": os.getpid(),
            "sessions": len(sessions),
            "cores": round(self._sessions.admission.load, 3),
            "memory_bytes": resident_bytes(),
            "restarts": 0,
        }
        return {"sessions": sessions, "workers": [itself], "admission": self._sessions.admission.figures}

    async def record(self, id: str, on: bool) -> str:
        return await self._sessions.get(id).set_recording(on)


@dataclass(frozen=True)
class LobbyApi:
    """Handlers for which the key is needed, and what they need."""

    hosts: Hosts
    access: Access
    limits: Limits
    visitors: Buckets
    began: float = field(default_factory=time.monotonic)

    def routes(self) -> list[Route]:
        return [
            Route("/v1/health", self.health),
            Route("/v1/avatars", self.avatars),
            Route("/v1/avatars/{name}/picture", self.picture),
            Route("/v1/sessions", self.create, methods=["POST"]),
            Route("/v1/sessions", self.list, methods=["GET"]),
            Route("/v1/sessions/{id}/record", self.record, methods=["POST", "DELETE"]),
        ]

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def avatars(self, request: Request) -> Response:
        self._check_key(request)
        listed = [
            {"name": one.name, "title": one.title, "picture": f"/v1/avatars/{one.name}/picture"}
            for one in self.hosts.portraits
        ]
        told = {"speaks": self.hosts.speaks, "gestures": sorted(GESTURES), "emotions": list(EMOTIONS)}
        return JSONResponse({"avatars": listed, **told})

    async def picture(self, request: Request) -> Response:
        name = request.path_params["name"]
        for portrait in self.hosts.portraits:
            if portrait.name == name:
                return thumbnail(portrait)
        raise Problem(404, f"there is no avatar '{name}' here")

    async def create(self, request: Request) -> Response:
        self._check_key(request)
        if not self.visitors.take(request.client.host if request.client else ""):
            raise try_again(429, "too many sessions in a minute", self.limits.retry_seconds)
        body = await command_of(request, self.limits.request_seconds, empty=True)
        avatar = body.get("avatar")
        if avatar is not None and not isinstance(avatar, str):
            raise Problem(400, "avatar must be the name of one of /v1/avatars")
        session = await self.hosts.begin(avatar)
        return JSONResponse(session, 201, {"Location": f"/v1/sessions/{session['id']}"})

    async def list(self, request: Request) -> Response:
        self.access.check_admin(bearer(request.headers))
        server = {"version": version(DISTRIBUTION), "age_seconds": round(time.monotonic() - self.began, 1)}
        return JSONResponse({**self.hosts.listed(), "server": server})

    async def record(self, request: Request) -> Response:
        self.access.check_admin(bearer(request.headers))
        on = request.method == "POST"
        name = await self.hosts.record(request.path_params["id"], on)
        return JSONResponse({"name": name}, 201 if on else 200)

    def _check_key(self, request: Request) -> None:
        self.access.check_key(bearer(request.headers))


def thumbnail(portrait: Portrait) -> Response:
    return Response(portrait.thumbnail, media_type="image/jpeg", headers={"Cache-Control": "max-age=3600"})
