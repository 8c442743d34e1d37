"""Events of a session as JSON, numbered, so that a listener can come back for what it missed."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict

from ditto_server.live.event_loop import call_in
from ditto_server.live.problems import Problem
from stream_pipeline.live_face import Event

KEPT = 200  # events for who comes back
MAX_WAITING = 200  # events for who reads slowly, before they are let go

Said = dict[str, object]


def said(event: Event) -> Said:
    """`Started(utterance=0, frame=5)` as {"type": "started", "utterance": 0, "frame": 5}."""
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()
    return {"type": name, **asdict(event)}


class Listener:
    """Events for one connection, in their order."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Said | None] = asyncio.Queue()
        self.lost = False

    def put(self, event: Said | None) -> None:
        if self._queue.qsize() >= MAX_WAITING and not self.lost:
            self.lost = True
            self._queue.put_nowait(None)
        if not self.lost:
            self._queue.put_nowait(event)

    async def get(self) -> Said:
        event = await self._queue.get()
        if event is None:
            self._queue.put_nowait(None)
            raise Problem(410, "too slow: events were lost" if self.lost else "the session is over")
        return event


class EventLog:
    """Owned by the event loop; `tell` alone may be called from another thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, number: int = 0) -> None:
        """`number` is of the event before the first."""
        self._loop = loop
        self._kept: deque[Said] = deque(maxlen=KEPT)
        self.number = number  # of the latest event
        self._listeners: list[Listener] = []
        self.over = False  # whether there will be no more
        self.heard: list[Callable[[Said], None]] = []  # told of every event, after the listeners
        self._held: list[Said] = []
        self._holders = 0

    def tell(self, event: Event) -> None:
        """An event of the face, from one of its threads."""
        call_in(self._loop, self.put, said(event))

    @contextlib.contextmanager
    def held(self) -> Iterator[Callable[[Said], None]]:
        """Holds events back until the end of the block, in which those given to what it yields come first."""
        self._holders += 1
        try:
            yield self._number
        finally:
            self._holders -= 1
            if not self._holders:
                self._let_go()

    def put(self, event: Said) -> None:
        if self._holders:
            self._held.append(event)
        else:
            self._number(event)

    def _let_go(self) -> None:
        held, self._held = self._held, []
        for event in held:
            self._number(event)

    def _number(self, event: Said) -> None:
        self.number += 1
        numbered = {"number": self.number, **event}
        self._kept.append(numbered)
        for listener in tuple(self._listeners):
            listener.put(numbered)
        for hear in tuple(self.heard):
            hear(numbered)

    def listen(self, after: int | None = None) -> Listener:
        """Events from now on; with `after`, first those since that number."""
        listener = Listener()
        if after is not None:
            for event in self._kept:
                number = event["number"]
                if isinstance(number, int) and number > after:
                    listener.put(event)
        if self.over:
            listener.put(None)
        self._listeners.append(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        self._listeners.remove(listener)

    def end(self) -> None:
        self._let_go()
        self.over = True
        for listener in self._listeners:
            listener.put(None)
