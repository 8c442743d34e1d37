"""Dump of what every stage is doing, to find a stall.

A program prints it on SIGUSR1 (`kill -USR1 PID`) where `report_on_signal` was called, as the commands
do; `--debug-stall` prints it whenever nothing has moved for some seconds.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol
from weakref import WeakSet

from stream_pipeline.metrics import StageMetrics

COLUMN_HEADS = ("stage", "does", "for", "with", "queue")
COLUMN_WIDTHS = (18, 20, 10, 22, 8)


class Watched(Protocol):
    """A stream that may be asked what it does."""

    @property
    def turn(self) -> int: ...

    @property
    def metrics(self) -> list[StageMetrics]: ...

    def queues(self) -> list[tuple[int, int] | None]:
        """Messages waiting before each stage, and how many may; None before one without input."""


_running: WeakSet[Watched] = WeakSet()
_lock = threading.Lock()


def watch(stream: Watched) -> None:
    """A stream has begun."""
    with _lock:
        _running.add(stream)


def forget(stream: Watched) -> None:
    """A stream has ended."""
    with _lock:
        _running.discard(stream)


def streams() -> list[Watched]:
    """Those that run, in no order."""
    with _lock:
        return list(_running)


def report(now: float | None = None) -> str:
    """Every running stream and its stages, as text."""
    now = time.perf_counter() if now is None else now
    found = [described(stream, now) for stream in streams()]
    return "\n\n".join(found) if found else "no stream is running"


def described(stream: Watched, now: float) -> str:
    """The stages of one stream: what each does, since when, with which message, and what waits for it."""
    lines = [f"a stream in turn {stream.turn}", row(*COLUMN_HEADS)]
    for stage, queue in zip(stream.metrics, stream.queues(), strict=True):
        since = "" if stage.since is None else f"{now - stage.since:.1f} s"
        waiting = "" if queue is None else f"{queue[0]} of {queue[1]}"
        lines.append(row(stage.name, stage.state, since, str(stage.at), waiting))
    return "\n".join(lines)


def row(*cells: str) -> str:
    return "".join(f"{cell:<{width}}" for cell, width in zip(cells, COLUMN_WIDTHS, strict=True)).rstrip()


def report_on_signal() -> None:
    """From now on SIGUSR1 prints the report on standard error, where the system has that signal."""
    if hasattr(signal, "SIGUSR1") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGUSR1, lambda *_: print_error(report()))


def print_error(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def watchdog(
    seconds: float | None,
    say: Callable[[str], object] = print_error,
) -> Iterator[None]:
    """A block in which the report is said each time no stage has moved for so many seconds; None never."""
    if seconds is None:
        yield
        return
    over = threading.Event()

    def look() -> None:
        before = progress()
        while not over.wait(seconds):
            after = progress()
            if after and after == before:
                say(f"nothing has moved for {seconds:g} s\n{report()}")
            before = after

    watcher = threading.Thread(target=look, name="ditto-watchdog", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def progress() -> dict[int, list[tuple[int, int]]]:
    """Messages taken in and given out by each stage of each stream."""
    return {id(stream): [(m.items, m.results) for m in stream.metrics] for stream in streams()}
