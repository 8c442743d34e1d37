"""The always-on face for asyncio: the same performer, awaited."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TypeVar

from cfg.errors import Cancelled
from stream_pipeline.live_face import Event, LiveFace, LiveFigures, LiveFrame

Begun = TypeVar("Begun")


class AsyncPerformer:
    """A face whose frames and events are awaited. Everything else is the face's own, called off the loop."""

    def __init__(self, face: LiveFace) -> None:
        """`face` is begun and closed by `async with`."""
        self.face = face

    async def __aenter__(self) -> AsyncPerformer:
        await begun(self.face)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.face.__exit__, kind, error, trace)

    async def push(self, samples: object, timeout: float | None = None) -> int:
        """Sound to speak; waits while two minutes of sound are queued."""
        return await asyncio.to_thread(self.face.push, samples, timeout)

    async def flush(self) -> None:
        """The utterance is over."""
        await asyncio.to_thread(self.face.flush)

    async def interrupt(self) -> float:
        """Silence now; seconds of the utterance that were heard."""
        return await asyncio.to_thread(self.face.interrupt)

    async def say(self, text: str) -> int:
        """Speaks a text as an utterance of its own, and returns at once."""
        return await asyncio.to_thread(self.face.say, text)

    async def listen(self, samples: object) -> None:
        """What the other person says."""
        await asyncio.to_thread(self.face.listen, samples)

    @property
    def figures(self) -> LiveFigures:
        return self.face.figures

    async def frames(self) -> AsyncIterator[LiveFrame]:
        """Frames from now on, each when it is due, until the face is closed."""
        loop, ready = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(ready.set)

        reader = self.face.reader(wake)
        try:
            while True:
                ready.clear()
                try:
                    frame = reader.take()
                except Cancelled:
                    return
                if frame is None:
                    await ready.wait()
                else:
                    yield frame
        finally:
            reader.close()

    async def events(self) -> AsyncIterator[Event]:
        """What happens from now on, until the iteration is given up."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Event] = asyncio.Queue()

        def put(event: Event) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, event)

        end = self.face.subscribe(put)
        try:
            while True:
                yield await queue.get()
        finally:
            end()


async def begun(opened: AbstractContextManager[Begun]) -> Begun:
    """Enters a context off the loop; where that is cancelled, it is left again as soon as it is entered."""
    entering = asyncio.ensure_future(asyncio.to_thread(opened.__enter__))
    try:
        return await asyncio.shield(entering)
    except asyncio.CancelledError:
        with contextlib.suppress(Exception):
            await entering
            await asyncio.to_thread(opened.__exit__, None, None, None)
        raise
