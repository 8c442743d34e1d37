"""All sessions of a process, and the ways on which they end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from cfg.errors import DittoError, in_one_line
from ditto_server.live.faces import FaceSource
from ditto_server.live.ice import IceSettings
from ditto_server.live.limits import Admission, Limits, in_words
from ditto_server.live.memory import give_back
from ditto_server.live.outputs import OutputSettings
from ditto_server.live.problems import Problem, try_again
from ditto_server.live.session import Record, Session, new_name
from ditto_server.live.transport import PeerMaker
from stream_pipeline.live_face import LiveFace

WATCH_SECONDS = 3.0  # between looks at who is idle, and at the processor's load

log = logging.getLogger(__name__)


class Sessions:
    """All sessions of a server; a `with` block of asyncio, which leaves none behind."""

    def __init__(
        self,
        source: FaceSource,
        limits: Limits,
        make_peer: PeerMaker | None,
        ice: IceSettings,
        outputs: OutputSettings | None = None,
    ) -> None:
        self._source = source
        self._limits = limits
        self._make_peer = make_peer
        self._ice = ice
        self._outputs = outputs or OutputSettings()
        self.admission = Admission(limits.max_sessions)
        self._sessions: dict[str, Session] = {}
        self._opening = 0
        self._beginning: set[asyncio.Task[Session]] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._garbage = False  # whether a session has ended since memory was given back
        self._watch: asyncio.Task[None] | None = None
        self._openers = ThreadPoolExecutor(2, "ditto-open")
        self._closed = False

    async def __aenter__(self) -> Sessions:
        self._watch = asyncio.ensure_future(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closed = True
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await asyncio.gather(*self._beginning, return_exceptions=True)
        for session in self:
            self.end(session, "the server stops")
        await asyncio.gather(*self._closing)
        await asyncio.to_thread(self._openers.shutdown)

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._sessions.values()))

    async def create(self, avatar: str | None, seconds: float | None = None) -> Session:
        """A session with a face that has begun; a Problem that says why where there is no room."""
        count = len(self._sessions) + self._opening
        behind = sum(session.face.figures.step > 0 for session in self)
        refusal = self.admission.refusal(count, behind)
        if refusal is not None:
            raise try_again(503, refusal, self._limits.retry_seconds)
        name = avatar if avatar is not None else self._source.portraits[0].name
        self._opening += 1
        try:
            return await self.open(Record(id=new_name(), avatar=name, seconds=seconds))
        finally:
            self._opening -= 1

    async def open(self, record: Record) -> Session:
        """A new session, or one that goes on here, whether there is room or not."""
        task = asyncio.ensure_future(self._open(record))
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)
        return await asyncio.shield(task)

    async def _open(self, record: Record) -> Session:
        """Goes on to its end even where whoever asked has gone: a face that is begun has an owner then."""
        if self._closed:
            raise Problem(503, "the server stops")
        loop = asyncio.get_running_loop()
        face = await loop.run_in_executor(self._openers, self._begun, record)
        settings = self._limits, self._make_peer, self._ice, self._outputs
        session = Session(record, face, *settings, self._lost)
        self._sessions[session.id] = session
        for command in record.standing:
            with contextlib.suppress(DittoError):  # the face is closed already
                await asyncio.to_thread(session.remote.obey, command)
        if record.number:
            session.events.put({"type": "restored"})
        await session.begin_outputs()
        return session

    def _begun(self, record: Record) -> LiveFace:
        return self._source.face(record.avatar, record.pose).__enter__()

    def __contains__(self, id: object) -> bool:
        return id in self._sessions

    def get(self, id: str) -> Session:
        session = self._sessions.get(id)
        if session is None:
            raise Problem(404, "there is no such session; it may be over")
        return session

    def end(self, session: Session, reason: str) -> None:
        """Ends a session now; what that takes goes on by itself."""
        if self._sessions.pop(session.id, None) is None:
            return
        session.events.put({"type": "ended", "reason": reason})
        task = asyncio.ensure_future(self._close(session))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _lost(self, session: Session, reason: str) -> None:
        log.warning("a session ends: %s", reason)
        self.end(session, reason)

    async def _close(self, session: Session) -> None:
        try:
            await session.close()
        except Exception as error:
            log.error("a session did not end in order: %s", in_one_line(str(error)), exc_info=error)
        self._garbage = True

    async def _look(self) -> None:
        """Ends whom nobody needs any more, and gives back what those held who have ended."""
        while True:
            await asyncio.sleep(min(WATCH_SECONDS, self._limits.keep_seconds / 4))
            self.admission.measure()
            if self._garbage:
                self._garbage = False
                await asyncio.to_thread(give_back)
            now = time.monotonic()
            for session in self:
                reason = overdue(session, self._limits, now)
                if reason is not None:
                    self.end(session, reason)


def overdue(session: Session, limits: Limits, now: float) -> str | None:
    """The reason why a session is to end by itself, if it is."""
    if not session.connections and now - session.left > limits.keep_seconds:
        return f"nobody was connected for {limits.keep_seconds:g} s"
    if now - session.used > limits.idle_seconds:
        return f"nothing was said or asked for {limits.idle_seconds / 60:g} minutes"
    if now - session.began > session.seconds:
        return f"it lasted {in_words(session.seconds)}"
    return None
