"""The front process of a server with workers: every request comes to it, what is of a session goes on."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from ditto_server.live.access import Access
from ditto_server.live.app import public
from ditto_server.live.asgi_link import LinkError, pass_on
from ditto_server.live.crew import Crew, ended_process
from ditto_server.live.limits import Limits
from ditto_server.live.problems import Problem, response_of
from ditto_server.live.serving import Place, listening, server

RESTARTS = 1012  # code with which a WebSocket is closed that may be opened again
SESSION = "/v1/sessions/{id}"
WHEP = "/whep/{id}"


class Passing:
    """An application of ASGI: requests of a session are answered by the worker that has it."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        id = scope["path_params"]["id"]
        try:
            await pass_on(scope, receive, send, await self._crew.path_to(id))
            if scope["type"] == "http" and (scope["method"], scope["path"]) == (
                "DELETE",
                SESSION.format(id=id),
            ):
                self._crew.forget(id)
        except Problem as problem:
            await response_of(problem)(scope, receive, send)
        except LinkError as error:
            await lost(scope, receive, send, error.began)

    def routes(self) -> list[BaseRoute]:
        paths = [SESSION, f"{SESSION}/{{rest:path}}", WHEP, f"{WHEP}/{{rest:path}}"]
        return [Route(path, self) for path in paths] + [WebSocketRoute(f"{SESSION}/{{rest:path}}", self)]


async def lost(scope: Scope, receive: Receive, send: Send, began: bool) -> None:
    """The worker has ended: its session goes on in another, and its visitors come back to it."""
    if began and scope["type"] == "websocket":
        with contextlib.suppress(OSError):  # the visitor has gone too
            await send({"type": "websocket.close", "code": RESTARTS, "reason": "the session is being moved"})
    elif began:
        await send({"type": "http.response.body", "body": b""})
    else:
        problem = ended_process()
        await response_of(problem)(scope, receive, send)


async def serve_with(
    crew: Crew, access: Access, limits: Limits, place: Place, up: Callable[[], None]
) -> None:
    """Until the program is stopped, or no worker is left."""
    app = public(crew, Passing(crew).routes(), access, limits, contextlib.nullcontext())
    with listening(place) as bound:
        served = server(app, place, limits, up)
        async with contextlib.AsyncExitStack() as begun:
            with stops_cancel():
                await begun.enter_async_context(crew)
            crew.failed = lambda: setattr(served, "should_exit", True)
            await served.serve(sockets=[bound])
            crew.check()


@contextlib.contextmanager
def stops_cancel() -> Iterator[None]:
    """A stop of the program cancels this task, and comes as a stop when it has ended in order.

    Raised by a signal's handler it would break into whatever the event loop just does, and what that was
    to wake would wait for ever.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    asked: list[signal.Signals] = []

    def ask(stop: signal.Signals) -> None:
        asked.append(stop)
        task.cancel()

    before = {stop: signal.getsignal(stop) for stop in (signal.SIGINT, signal.SIGTERM)}
    for stop in before:
        loop.add_signal_handler(stop, ask, stop)
    try:
        yield
    except asyncio.CancelledError:
        if not asked:
            raise
    finally:
        for stop, handler in before.items():
            loop.remove_signal_handler(stop)
            signal.signal(stop, handler)
    if asked:
        signal.raise_signal(asked[0])
