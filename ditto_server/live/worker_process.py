"""Process of a worker: begun, ended, and the words for its end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field

from cfg.errors import DittoError
from ditto_server.live.orders import ENDING_SECONDS, Hello, Orders

MAX_HELLO = 64 << 20  # bytes


class WorkerError(DittoError):
    """No worker is left, or one could not begin."""


@dataclass(eq=False)
class Worker:
    """A process that is up."""

    number: int
    path: str  # of its socket
    process: asyncio.subprocess.Process
    hello: Hello
    cpu_seconds: float | None = None  # until its last report
    memory_bytes: int = 0  # at its last report
    cores: float = 0.0  # that it kept busy of late
    reported: float = field(default_factory=time.monotonic)


async def started(number: int, path: str, orders: Orders) -> Worker:
    """A worker that is ready behind a socket at `path`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ditto_server.live.worker", path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C is for the front process, which ends them in order
        limit=MAX_HELLO,
    )
    try:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(orders.line())
        line = await process.stdout.readline()
        if not line.endswith(b"\n"):
            raise WorkerError(f"a worker process {fate(await process.wait())} before it was ready")
        hello = Hello.of(line)
        if hello.problem is not None:
            raise WorkerError(hello.problem)
    except BaseException:
        kill(process)
        await gone(process)
        raise
    return Worker(number, path, process, hello)


async def end(process: asyncio.subprocess.Process) -> None:
    """Lets a worker end in order, but not for long."""
    try:
        await asyncio.wait_for(gone(process), ENDING_SECONDS + 1)
    except asyncio.TimeoutError:
        kill(process)
        await gone(process)


async def gone(process: asyncio.subprocess.Process) -> int:
    """The exit status, once it has ended and its pipes are closed: a worker ends when its input does."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.close()
    with contextlib.suppress(ConnectionError):
        await process.stdin.wait_closed()
    await process.stdout.read()
    return await process.wait()


def kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()


def fate(status: int) -> str:
    """End of a process, in words."""
    if status >= 0:
        return f"ended with exit status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
