"""Worker processes: begun, watched, replaced; and which of them has which session."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from cfg.errors import ConfigError
from ditto_server.live.asgi_link import LinkError, ask
from ditto_server.live.faces import Portrait
from ditto_server.live.limits import Admission, available_cores
from ditto_server.live.lobby import Described
from ditto_server.live.orders import Orders
from ditto_server.live.problems import Problem, try_again
from ditto_server.live.session import Record, new_name
from ditto_server.live.worker_process import Worker, WorkerError, end, fate, gone, kill, started

SESSIONS_PER_WORKER = 2  # for which there is a worker, where the number is not given
REPORT_SECONDS = 0.5  # between reports of a worker
PATIENCE_SECONDS, MAX_MISSED = 5.0, 2  # for a report; after so many missed ones a worker is taken to hang
MEASURE_SECONDS = 3.0  # between looks at the processor's load
MAX_DEATHS, DEATH_SECONDS = 3, 60.0  # of a worker within so many seconds, after which it is given up
MAX_MOVES = 3  # of a session, after which it is taken to be what ends its workers
MOVE_SECONDS = 10.0  # for which a request waits for a session that is on its way
SKIPPED_NUMBERS = 10_000  # of events of which no report came before a worker died

log = logging.getLogger(__name__)


def workers_of(asked: int | None, max_sessions: int | None) -> int:
    """The number of processes that `--workers` means, None for `auto`; 0 is none beside this one."""
    possible = sys.platform != "win32"
    if asked is not None:
        count = asked
    else:
        fitting = math.inf if max_sessions is None else math.ceil(max_sessions / SESSIONS_PER_WORKER)
        count = int(min(available_cores(), fitting)) if possible else 1
    if count > 1 and not possible:
        raise ConfigError(
            "worker processes need Unix-domain sockets, which Windows lacks; leave out --workers"
        )
    return count if count > 1 else 0


@dataclass(eq=False)
class Seat:
    """A session as the front process knows it."""

    record: Record
    worker: Worker | None = None  # None while it is on its way
    figures: Mapping[str, Any] = field(default_factory=dict)
    placed: float = 0.0  # when it came to the worker
    moves: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)


class Crew:
    """Implements `Hosts` with worker processes. A block of asyncio, which leaves no process behind."""

    def __init__(self, orders: Orders, count: int) -> None:
        self._orders = orders
        self._count = count
        self._limits = limits = orders.limits
        self._workers: dict[int, Worker] = {}
        self._seats: dict[str, Seat] = {}
        self._opening: list[Worker] = []  # one for each session that is about to begin there
        self._cpu_seconds = 0.0  # of all workers, since the beginning
        self._admission = Admission(limits.max_sessions, used=lambda: time.process_time() + self._cpu_seconds)
        self._tasks: set[asyncio.Task[None]] = set()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._starts: Counter[int] = Counter()  # of each worker
        self._up = asyncio.Event()  # while there is a worker
        self._failed: WorkerError | None = None
        self._given_up = 0  # workers that are not started again
        self.portraits: Sequence[Portrait] = ()
        self.speaks = False
        self.failed: Callable[[], None] = lambda: None  # called when no worker is left

    async def __aenter__(self) -> Crew:
        self._folder = tempfile.TemporaryDirectory(prefix="ditto-live-", ignore_cleanup_errors=True)
        try:
            starting = (self._start(number) for number in range(1, self._count + 1))
            for result in await asyncio.gather(*starting, return_exceptions=True):
                if result is not None:
                    raise result
        except BaseException:
            await self.__aexit__()
            raise
        hello = self._workers[1].hello
        self.portraits, self.speaks = hello.portraits, hello.speaks
        for number in self._workers:
            self._go(self._keep(number))
        self._go(self._measure())
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            tasks = tuple(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*(end(worker.process) for worker in self._workers.values()))
        finally:
            for worker in self._workers.values():
                kill(worker.process)
            if self._folder is not None:
                self._folder.cleanup()

    def check(self) -> None:
        """Raises what has ended all workers, if it has."""
        if self._failed is not None:
            raise self._failed

    def has(self, id: str) -> bool:
        return id in self._seats

    async def begin(self, avatar: str | None, seconds: float | None) -> Described:
        count = len(self._seats) + len(self._opening)
        behind = sum(seat.figures.get("step", 0) > 0 for seat in self._seats.values())
        refusal = self._admission.refusal(count, behind)
        if refusal is None and not self._workers:
            refusal = "no worker process is up"
        if refusal is not None:
            raise try_again(503, refusal, self._limits.retry_seconds)
        name = self.portraits[0].name if avatar is None else avatar
        record = Record(id=new_name(), avatar=name, seconds=seconds)
        return await asyncio.shield(asyncio.ensure_future(self._seat(Seat(record), self._freest())))

    def listed(self) -> Described:
        sessions = [
            {
                "id": seat.record.id,
                "avatar": seat.record.avatar,
                "worker": None if seat.worker is None else seat.worker.number,
                "figures": dict(seat.figures),
            }
            for seat in self._seats.values()
        ]
        workers = [
            {
                "worker": worker.number,
                "process": worker.process.pid,
                "sessions": self._faces(worker),
                "cores": round(worker.cores, 3),
                "memory_bytes": worker.memory_bytes,
                "restarts": self._starts[worker.number] - 1,
            }
            for worker in self._workers.values()
        ]
        return {"sessions": sessions, "workers": workers, "admission": self._admission.figures}

    async def path_to(self, id: str) -> str:
        """The socket behind which a session is; waits for one that is on its way."""
        seat = self._seats.get(id)
        if seat is None:
            raise Problem(404, "there is no such session; it may be over")
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(seat.arrived.wait(), MOVE_SECONDS)
        if seat.worker is None:
            raise try_again(503, "the session is on its way to another process", 1)
        return seat.worker.path

    async def record(self, id: str, on: bool) -> str:
        try:
            status, said = await ask(await self.path_to(id), "POST", "/record", {"id": id, "on": on})
        except LinkError as error:
            raise ended_process() from error
        if status != 200:
            raise Problem(status, said["detail"])
        seat = self._seats.get(id)
        if seat is not None:  # should its worker die before it reports
            seat.record = replace(seat.record, recording=on)
        return str(said["name"])

    def forget(self, id: str) -> None:
        """A session was ended by a visitor."""
        seat = self._seats.pop(id, None)
        if seat is not None:
            seat.arrived.set()

    def _freest(self) -> Worker:
        return min(self._workers.values(), key=lambda worker: (self._faces(worker), worker.number))

    def _faces(self, worker: Worker) -> int:
        seats = sum(seat.worker is worker for seat in self._seats.values())
        return seats + sum(other is worker for other in self._opening)

    async def _seat(self, seat: Seat, worker: Worker) -> Described:
        """Begins a session in a worker; goes on to its end even where whoever asked has gone."""
        self._opening.append(worker)
        try:
            status, said = await ask(worker.path, "POST", "/open", asdict(seat.record))
        except LinkError as error:
            raise try_again(503, "the process that was to begin it has ended", 1) from error
        finally:
            self._opening.remove(worker)
        if status != 200:
            raise Problem(status, said["detail"])
        if self._workers.get(worker.number) is not worker:
            raise try_again(503, "the process that has begun it has ended", 1)
        described: Described = said
        seat.worker, seat.placed = worker, time.monotonic()
        seat.arrived.set()
        self._seats[seat.record.id] = seat
        return described

    async def _measure(self) -> None:
        while True:
            self._admission.measure()
            await asyncio.sleep(MEASURE_SECONDS)

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("workers are not watched any more: %s", error, exc_info=error)

    async def _start(self, number: int) -> None:
        """A worker that is ready, among the others."""
        assert self._folder is not None
        self._starts[number] += 1
        path = str(Path(self._folder.name) / f"{number}-{self._starts[number]}")
        self._workers[number] = await started(number, path, self._orders)
        self._up.set()

    async def _keep(self, number: int) -> None:
        """Watches one worker, and those that take its place."""
        deaths: list[float] = []
        while True:
            worker = self._workers.get(number)
            if worker is not None:
                await self._watch(worker)
                said = fate(await gone(worker.process))
                self._lose(worker)
            deaths = [*(at for at in deaths if time.monotonic() - at < DEATH_SECONDS), time.monotonic()]
            if len(deaths) >= MAX_DEATHS:
                self._give_up(said)
                log.error(
                    "worker %d %s, and is not started again after %d times within %g s; %d of %d are left",
                    *(number, said, len(deaths), DEATH_SECONDS, self._count - self._given_up, self._count),
                )
                return
            log.warning("worker %d %s; another takes its place", number, said)
            try:
                await self._start(number)
            except (WorkerError, OSError) as error:
                said = f"did not start: {error}"

    async def _watch(self, worker: Worker) -> None:
        """Takes its reports until it has ended, or is made to because none comes."""
        ended = asyncio.ensure_future(worker.process.wait())
        missed = 0
        try:
            while not ended.done() and missed < MAX_MISSED:
                asked = time.monotonic()
                try:
                    _, report = await asyncio.wait_for(ask(worker.path, "GET", "/report"), PATIENCE_SECONDS)
                    self._take(worker, report, asked)
                    missed = 0
                except asyncio.TimeoutError:
                    missed += 1
                except LinkError:
                    break
                await asyncio.wait([ended], timeout=REPORT_SECONDS)
        finally:
            ended.cancel()
            kill(worker.process)

    def _take(self, worker: Worker, report: Mapping[str, Any], asked: float) -> None:
        now, total = time.monotonic(), report["cpu_seconds"]
        if worker.cpu_seconds is not None:
            used = total - worker.cpu_seconds
            worker.cores = used / max(now - worker.reported, 1e-3)
            self._cpu_seconds += used
        worker.cpu_seconds, worker.reported = total, now
        worker.memory_bytes = report["memory_bytes"]
        told = {one["record"]["id"]: one for one in report["sessions"]}
        for id, seat in tuple(self._seats.items()):
            if seat.worker is worker and id in told:
                seat.record, seat.figures = Record(**told[id]["record"]), told[id]["figures"]
            elif seat.worker is worker and seat.placed < asked:
                del self._seats[id]

    def _lose(self, worker: Worker) -> None:
        """Its sessions go on elsewhere."""
        del self._workers[worker.number]
        if not self._workers:
            self._up.clear()
        for seat in tuple(self._seats.values()):
            if seat.worker is worker:
                seat.worker, seat.figures = None, {}
                seat.moves += 1
                seat.arrived.clear()
                self._go(self._move(seat))

    async def _move(self, seat: Seat) -> None:
        if seat.moves > MAX_MOVES:
            log.error("a session ends: %d processes that it was in have ended", seat.moves)
            self.forget(seat.record.id)
            return
        number = seat.record.number + SKIPPED_NUMBERS
        seat.record = replace(seat.record, number=number)
        while True:
            await self._up.wait()
            try:
                await self._seat(seat, self._freest())
            except Problem as problem:
                if problem.status != 503:
                    log.error("a session ends, which could not go on elsewhere: %s", problem)
                    self.forget(seat.record.id)
                    return
                await asyncio.sleep(REPORT_SECONDS / 5)  # the worker's end is noticed meanwhile
            else:
                return

    def _give_up(self, said: str) -> None:
        self._given_up += 1
        if self._given_up == self._count:
            self._failed = WorkerError(f"all worker processes have ended, the last one {said}")
            self.failed()


def ended_process() -> Problem:
    """Refusal of a request whose session's worker has just ended."""
    return try_again(503, "the process of this session has ended", 1)
