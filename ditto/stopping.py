"""What must not be left half done when a program is told to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STOPS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """A stop that is asked for meanwhile comes at the end: what is made here is whole, or not there."""
    if threading.current_thread() is not threading.main_thread():  # where stops never come
        yield
        return
    asked: list[int] = []
    before = {stop: signal.getsignal(stop) for stop in STOPS}
    ours = [stop for stop in STOPS if before[stop] is not None]  # not set by another language
    for stop in ours:
        signal.signal(stop, lambda number, _: asked.append(number))
    try:
        yield
    finally:
        for stop in ours:
            signal.signal(stop, before[stop])
        if asked:
            signal.raise_signal(asked[0])
