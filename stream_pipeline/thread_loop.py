"""Loops of the threads: one that takes messages, works and hands on for a stage, and one for a producer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from ditto.stages.messages import EndOfSpeech
from ditto.stages.stage import AnyStage, interrupt_of, process_of
from stream_pipeline.channel import Aborted, Channel
from stream_pipeline.metrics import BLOCKED, ENDED, WAITING, WORKING, StageMetrics

Fail = Callable[[str, object, BaseException], None]  # the stage, the message it had, and its error


def stage_thread(
    stage: AnyStage, source: Channel[object], sink: Channel[object], metrics: StageMetrics, fail: Fail
) -> threading.Thread:
    """A thread for a stage, not begun yet; it ends with its input, by an abort, or by telling `fail`."""
    return named(stage.name, work, stage, interrupt_of(stage), source, sink, metrics, fail)


def producer_thread(
    name: str, items: Iterable[object], sink: Channel[object], metrics: StageMetrics, fail: Fail
) -> threading.Thread:
    """A thread for what has no input, such as the frames of the avatar."""
    return named(name, produce, name, items, sink, metrics, fail)


def named(name: str, target: Callable[..., None], *args: object) -> threading.Thread:
    return threading.Thread(target=target, args=args, name=f"ditto-{name}", daemon=True)


def work(
    stage: AnyStage,
    interrupt: Callable[[int], object],
    source: Channel[object],
    sink: Channel[object],
    metrics: StageMetrics,
    fail: Fail,
) -> None:
    """Takes each message, gives it to the stage, and hands its results on, until the input ends."""
    at: object = "its start"
    turn = 0
    clock = Stopwatch(metrics, WAITING)
    process = process_of(stage)

    def hand_on(results: Iterable[object]) -> None:
        for result in results:
            metrics.results += 1
            clock.lap("busy", BLOCKED)
            wanted = sink.put(result)
            clock.lap("blocked", WORKING)
            if not wanted:
                break
        clock.lap("busy", WAITING)

    try:
        for at in source:
            metrics.at = at
            clock.lap("starved", WORKING)
            metrics.items += 1
            metrics.queue = source.deepest
            arrived: int = getattr(at, "turn", turn)
            if arrived > turn:
                turn = arrived
                interrupt(turn)
            if isinstance(at, EndOfSpeech):
                hand_on(stage.flush())
                clock.lap("starved", BLOCKED)
                sink.put(at)
                clock.lap("blocked", WAITING)
            else:
                hand_on(process(at))
        at = "its end"
        hand_on(stage.flush())
        sink.close()
    except Aborted:
        pass
    except BaseException as error:  # nobody else would see that this thread has ended
        fail(stage.name, at, error)
    finally:
        clock.stop()


def produce(
    name: str, items: Iterable[object], sink: Channel[object], metrics: StageMetrics, fail: Fail
) -> None:
    """Puts each item into the channel, then closes it."""
    at: object = "its start"
    clock = Stopwatch(metrics, WORKING)
    iterator = iter(items)
    try:
        for item in iterator:
            metrics.at = at = item
            metrics.items += 1
            clock.lap("busy", BLOCKED)
            sink.put(item)
            metrics.results += 1
            clock.lap("blocked", WORKING)
        sink.close()
    except Aborted:
        pass
    except BaseException as error:  # nobody else would see that this thread has ended
        fail(name, at, error)
    finally:
        clock.stop()
        close = getattr(iterator, "close", None)
        if close is not None:
            close()


class Stopwatch:
    """Books the time since the last lap to one column of a stage's metrics, and says what it does now."""

    def __init__(self, metrics: StageMetrics, state: str) -> None:
        self._metrics = metrics
        self._last = time.perf_counter()
        metrics.state, metrics.since = state, self._last

    def lap(self, column: str, state: str) -> None:
        """Books the time, and notes what begins now."""
        now = time.perf_counter()
        self._metrics.state, self._metrics.since = state, now
        setattr(self._metrics, column, getattr(self._metrics, column) + now - self._last)
        self._last = now

    def stop(self) -> None:
        """Nothing more is done, and no message is held."""
        self._metrics.state, self._metrics.since, self._metrics.at = ENDED, time.perf_counter(), ""
