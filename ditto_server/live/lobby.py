"""The HTTP API before there is a session: who can be chosen, beginning, and the list of all."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cfg.errors import ConfigError
from cfg.settings import EMOTIONS
from ditto.motion.gestures import GESTURES
from ditto_server.live.access import Access, bearer
from ditto_server.live.api import command_of, described
from ditto_server.live.faces import FaceSource, Portrait, chosen
from ditto_server.live.limits import Buckets, Limits
from ditto_server.live.problems import Problem, try_again
from ditto_server.live.remote import Command, number_of, text_of
from ditto_server.live.sessions import Sessions
from ditto_server.live.tokens import MAX_VALID_SECONDS, VALID_SECONDS, Token, TokenSessions
from stream_pipeline.processor_time import resident_bytes

DISTRIBUTION = "ditto-engine"

Described = Mapping[str, object]


class Hosts(Protocol):
    """Lobby: sessions are begun in this process, or in workers."""

    @property
    def portraits(self) -> Sequence[Portrait]: ...

    @property
    def speaks(self) -> bool: ...

    async def begin(self, avatar: str | None, seconds: float | None) -> Described:
        """A session that has begun, as it is described; a Problem that says why where there is no room.

        It lasts so many `seconds`; None: as long as any may.
        """

    def has(self, id: str) -> bool:
        """Whether a session goes on."""

    def listed(self) -> Described:
        """All sessions, and the processes that they are in, with their figures."""

    async def record(self, id: str, on: bool) -> str:
        """Begins or ends the recording of a session; gives the name of its file."""


class OneProcess:
    """Implements `Hosts`: all sessions are in this process."""

    def __init__(self, source: FaceSource, sessions: Sessions, limits: Limits) -> None:
        self._sessions, self._limits = sessions, limits
        self.portraits, self.speaks = source.portraits, source.speaks

    async def begin(self, avatar: str | None, seconds: float | None) -> Described:
        return described(await self._sessions.create(avatar, seconds), self._limits)

    def has(self, id: str) -> bool:
        return id in self._sessions

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
    token_sessions: TokenSessions
    began: float = field(default_factory=time.monotonic)

    def routes(self) -> list[Route]:
        return [
            Route("/v1/health", self.health),
            Route("/v1/avatars", self.avatars),
            Route("/v1/avatars/{name}/picture", self.picture),
            Route("/v1/sessions", self.create, methods=["POST"]),
            Route("/v1/sessions", self.list, methods=["GET"]),
            Route("/v1/sessions/{id}/record", self.record, methods=["POST", "DELETE"]),
            Route("/v1/tokens", self.token, methods=["POST"]),
        ]

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def avatars(self, request: Request) -> Response:
        token = self._token_of(request)
        listed = [
            {"name": one.name, "title": one.title, "picture": f"/v1/avatars/{one.name}/picture"}
            for one in self.hosts.portraits
            if token is None or token.avatar in (None, one.name)
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
        token = self._token_of(request)
        if not self.visitors.take(request.client.host if request.client else ""):
            raise try_again(429, "too many sessions in a minute", self.limits.retry_seconds)
        body = await command_of(request, self.limits.request_seconds, empty=True)
        avatar = body.get("avatar")
        if avatar is not None and not isinstance(avatar, str):
            raise Problem(400, "avatar must be the name of one of /v1/avatars")
        if token is None:
            session = await self.hosts.begin(avatar, None)
        else:
            avatar = token.avatar if avatar is None else avatar
            with self.token_sessions.room(token, avatar) as note:
                session = await self.hosts.begin(avatar, token.session_seconds)
                note(str(session["id"]))
        return JSONResponse(session, 201, {"Location": f"/v1/sessions/{session['id']}"})

    async def token(self, request: Request) -> Response:
        self.access.check_key(bearer(request.headers))
        token = self._made(await command_of(request, self.limits.request_seconds))
        return JSONResponse({"token": self.token_sessions.signer.signed(token), **asdict(token)}, 201)

    async def list(self, request: Request) -> Response:
        self.access.check_admin(bearer(request.headers))
        server = {"version": version(DISTRIBUTION), "age_seconds": round(time.monotonic() - self.began, 1)}
        return JSONResponse({**self.hosts.listed(), "server": server})

    async def record(self, request: Request) -> Response:
        self.access.check_admin(bearer(request.headers))
        on = request.method == "POST"
        name = await self.hosts.record(request.path_params["id"], on)
        return JSONResponse({"name": name}, 201 if on else 200)

    def _token_of(self, request: Request) -> Token | None:
        """The token by which a request is made; None where it has the key, or none is needed."""
        given = bearer(request.headers)
        token = self.token_sessions.signer.read(given)
        if token is None:
            self.access.check_key(given)
        else:
            self.token_sessions.check(token, request.headers.get("origin"))
        return token

    def _made(self, wanted: Command) -> Token:
        valid = number_of(wanted, "valid_seconds", VALID_SECONDS)
        if not 0 < valid <= MAX_VALID_SECONDS:
            raise ConfigError(
                f"valid_seconds is {valid:g}, but must be above 0 and at most {MAX_VALID_SECONDS:g}"
            )
        sessions = number_of(wanted, "sessions", 1)
        if not sessions.is_integer():
            raise ConfigError(f"sessions is {sessions:g}, but must be a whole number")
        avatar = wanted.get("avatar")
        if avatar is not None:
            chosen(text_of(wanted, "avatar"), {one.name: one for one in self.hosts.portraits})
        return Token(
            origin=text_of(wanted, "origin"),
            expires=round(time.time() + valid, 3),
            avatar=None if avatar is None else str(avatar),
            session_seconds=min(
                number_of(wanted, "session_seconds", self.limits.session_seconds), self.limits.session_seconds
            ),
            sessions=int(sessions),
        )


def thumbnail(portrait: Portrait) -> Response:
    return Response(portrait.thumbnail, media_type="image/jpeg", headers={"Cache-Control": "max-age=3600"})
