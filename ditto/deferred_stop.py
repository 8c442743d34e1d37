"""Deferred stops: a step that is under way is finished first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uninterrupted() -> Iterator[None]:
    """A stop that is asked for meanwhile comes at the end: what is made here is whole, or not there."""
    if threading.current_thread() is not threading.main_thread():  # where stops never come
        yield
        return
    with held(signal.SIGINT), held(signal.SIGTERM):
        yield


@contextmanager
def held(stop: signal.Signals) -> Iterator[None]:
    """One kind of stop, kept until the end. One at a time: whatever comes, each finds its way back."""
    before = signal.getsignal(stop)
    if before is None:  # it was set by another language, and cannot be set so again
        yield
        return
    asked = False

    def ask(*_: object) -> None:
        nonlocal asked
        asked = True

    signal.signal(stop, ask)
    try:
        yield
    finally:
        signal.signal(stop, before)
        if asked:
            signal.raise_signal(stop)
