"""A worker: a process with sessions of its own, to which the front process passes their visitors on.

`python -m ditto_server.live.worker SOCKET` reads its orders from a line of its input, answers there with a
line when it is ready, and ends when its input does: with the process that began it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cfg.errors import DittoError, in_one_line
from ditto_server.live.api import SessionApi, described
from ditto_server.live.app import HANDLERS
from ditto_server.live.asgi_link import answer
from ditto_server.live.event_loop import call_in
from ditto_server.live.faces import FaceSource
from ditto_server.live.library_logs import say_once_per_kind
from ditto_server.live.limits import Limits
from ditto_server.live.memory import share_heaps
from ditto_server.live.orders import ENDING_SECONDS, Hello, Orders
from ditto_server.live.session import Record
from ditto_server.live.sessions import Sessions
from ditto_server.live.transport import PeerMaker
from ditto_server.live.webrtc import AiortcPeer
from stream_pipeline.commands.loading import garbage_collection_disabled, leave_cores_to_stages
from stream_pipeline.commands.running import start_logging
from stream_pipeline.processor_time import resident_bytes
from stream_pipeline.stall import report_on_signal

BACKLOG = 128


@dataclass(frozen=True)
class WorkerApi:
    """Requests that the front process alone makes of a worker."""

    sessions: Sessions
    limits: Limits

    def routes(self) -> list[Route]:
        return [
            Route("/open", self.open, methods=["POST"]),
            Route("/report", self.report),
            Route("/record", self.record, methods=["POST"]),
        ]

    async def open(self, request: Request) -> Response:
        session = await self.sessions.open(Record(**await request.json()))
        return JSONResponse(described(session, self.limits))

    async def record(self, request: Request) -> Response:
        asked = await request.json()
        return JSONResponse({"name": await self.sessions.get(asked["id"]).set_recording(asked["on"])})

    async def report(self, request: Request) -> Response:
        reported = [{"record": asdict(one.record), "figures": one.figures} for one in self.sessions]
        spent = {"cpu_seconds": time.process_time(), "memory_bytes": resident_bytes()}
        return JSONResponse({**spent, "sessions": reported})


def worker_app(sessions: Sessions, limits: Limits) -> Starlette:
    routes = [*WorkerApi(sessions, limits).routes(), *SessionApi(sessions, limits).routes()]
    return Starlette(routes=routes, exception_handlers=HANDLERS)


class Lifeline:
    """Ends this process with the one that began it, whatever it is doing then."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.cut = asyncio.Event()
        threading.Thread(target=self._watch, name="ditto-lifeline", daemon=True).start()

    def serving(self) -> None:
        """From now on there is something to be ended in order."""
        with self._lock:
            self._loop = asyncio.get_running_loop()

    def _watch(self) -> None:
        while os.read(0, 4096):
            pass
        shutil.rmtree(self._folder, ignore_errors=True)
        with self._lock:
            if self._loop is None:
                os._exit(0)
            call_in(self._loop, self.cut.set)
        time.sleep(ENDING_SECONDS)
        os._exit(1)


async def serve(
    source: FaceSource, orders: Orders, path: Path, lifeline: Lifeline, hello: IO[bytes], make: PeerMaker
) -> None:
    lifeline.serving()
    sessions = Sessions(source, orders.limits, make, orders.ice, orders.outputs)
    app = worker_app(sessions, orders.limits)
    answers: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        answers.add(task)
        try:
            await answer(app, reader, writer)
        finally:
            answers.discard(task)

    async with sessions:
        server = await asyncio.start_unix_server(connected, path, backlog=BACKLOG)
        say(hello, Hello(source.portraits, source.speaks))
        await lifeline.cut.wait()
        server.close()
    for task in answers:
        task.cancel()
    await asyncio.gather(*answers, return_exceptions=True)


def say(to: IO[bytes], hello: Hello) -> None:
    with to:
        to.write(hello.line())


def main() -> int:
    hello = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is not an answer
    path = Path(sys.argv[1])
    with os.fdopen(os.dup(0), "rb", buffering=0) as given:
        orders = Orders.of(given.readline())
    lifeline = Lifeline(path.parent)
    try:
        start_logging(os.environ.get("DITTO_LOG", "WARNING"))
        say_once_per_kind()
        share_heaps()
        report_on_signal()
        leave_cores_to_stages()
        with garbage_collection_disabled():
            source = orders.faces.source()
    except (DittoError, OSError) as error:
        say(hello, Hello(problem=in_one_line(str(error))))
        return 1
    try:
        asyncio.run(serve(source, orders, path, lifeline, hello, AiortcPeer))
    finally:
        source.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
