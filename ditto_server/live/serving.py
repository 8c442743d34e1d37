"""Serving the application by uvicorn, on a socket that is known to be free."""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from cfg.errors import ConfigError
from ditto_server.live.connections import http_protocol, websocket_protocol
from ditto_server.live.limits import Limits

MAX_CONNECTIONS = 400  # of all visitors, at once
BACKLOG = 128
PING_SECONDS = 10.0  # between signs of life of a WebSocket
GRACE_SECONDS = 3  # in which open requests may end when the server stops


@dataclass(frozen=True, kw_only=True)
class Place:
    """Address at which the server listens, and its certificate."""

    host: str = "127.0.0.1"
    port: int = 8765
    certfile: Path | None = None
    keyfile: Path | None = None

    def __post_init__(self) -> None:
        if (self.certfile is None) != (self.keyfile is None):
            raise ConfigError("--certfile and --keyfile belong together")
        for file in (self.certfile, self.keyfile):
            if file is not None and not file.is_file():
                raise ConfigError(f"{file}: no such file")

    @property
    def address(self) -> str:
        shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        host = f"[{shown}]" if ":" in shown else shown
        return f"{'https' if self.certfile else 'http'}://{host}:{self.port}/"


def listening(place: Place) -> socket.socket:
    """A socket that listens there; one sentence where it cannot."""
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    with contextlib.ExitStack() as undo:
        bound = undo.enter_context(socket.socket(family))
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((place.host, place.port))
            bound.listen(BACKLOG)
        except OverflowError as error:
            raise ConfigError(f"port {place.port} must be from 0 to 65535") from error
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ConfigError(
                    f"port {place.port} of {place.host} is in use; end what uses it, or give another --port"
                ) from error
            raise ConfigError(f"{place.host}:{place.port} cannot be listened on: {error.strerror}") from error
        undo.pop_all()
    return bound


class Server(uvicorn.Server):
    """uvicorn, which says when it is up."""

    def __init__(self, config: uvicorn.Config, up: Callable[[], None]) -> None:
        super().__init__(config)
        self._up = up

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._up()


def server(app: Starlette, place: Place, limits: Limits, up: Callable[[], None] = lambda: None) -> Server:
    """A server of the application, not started yet."""
    try:
        config = uvicorn.Config(
            app,
            log_level=logging.WARNING,
            log_config=None,
            access_log=False,
            server_header=False,
            http=http_protocol(limits),
            ws=websocket_protocol(limits),
            ws_per_message_deflate=False,  # a kilobyte may be a megabyte then
            ws_max_size=limits.message_bytes,
            ws_ping_interval=PING_SECONDS,
            ws_ping_timeout=PING_SECONDS,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=GRACE_SECONDS,
            ssl_certfile=place.certfile,
            ssl_keyfile=place.keyfile,
            lifespan="on",
        )
        config.load()
    except OSError as error:
        raise ConfigError(
            f"{place.certfile}, {place.keyfile}: no certificate with its key: {error}"
        ) from error
    return Server(config, up)


def serve(app: Starlette, place: Place, limits: Limits, up: Callable[[], None]) -> None:
    """Until the program is stopped."""
    with listening(place) as bound:
        server(app, place, limits, up).run(sockets=[bound])
