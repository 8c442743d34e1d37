"""Stages on threads: order, ending, stopping and failing are decided here and nowhere else."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence

from cfg.errors import Cancelled, ConfigError, StageError
from ditto.deferred_stop import uninterrupted
from ditto.stages.stage import AnyStage
from stream_pipeline.channel import Aborted, Channel, Closed
from stream_pipeline.metrics import StageMetrics
from stream_pipeline.stall import forget, watch
from stream_pipeline.thread_loop import producer_thread, stage_thread

log = logging.getLogger(__name__)

INPUT_CAPACITY = 64


class Pipeline:
    """Runs stages in a row, each on its own thread, joined by bounded channels.

    Used as a `with` block: leaving it, by success or by an exception, leaves no thread behind.
    Messages carry a `turn`; `interrupt` raises it, and from then on no message of an older turn
    is worked on or delivered. A network call that is running is let finish, its result dropped.
    """

    def __init__(
        self,
        stages: Sequence[AnyStage],
        *,
        capacity: int = 2,
        feed: Iterable[object] | None = None,
        side_inputs: Sequence[tuple[str, Iterable[object], Channel[object]]] = (),
        on_failure: Callable[[StageError], None] | None = None,
    ) -> None:
        """`feed` pushes itself, from a thread of its own, instead of being pushed by the caller.

        `side_inputs` are further producers with a thread each: (name, items, where they go).
        """
        self._turn = 0
        self._error: StageError | None = None
        self._cancelled = False
        self._begun = self._ended = False
        self._lock = threading.Lock()
        self._on_failure = on_failure
        self._input: Channel[object] = Channel(INPUT_CAPACITY, self._is_stale)
        channels = [self._input]
        channels += [Channel(capacity, self._is_stale) for _ in stages]
        self._output = channels[-1]
        self._channels: list[Channel[object]] = channels + [channel for _, _, channel in side_inputs]
        if feed is not None:
            side_inputs = [*side_inputs, ("input", feed, self._input)]
        self.metrics = [StageMetrics(name) for name, _, _ in side_inputs]
        self.threads = [
            producer_thread(name, items, channel, metrics, self._fail)
            for (name, items, channel), metrics in zip(side_inputs, self.metrics, strict=True)
        ]
        self._sources: list[Channel[object] | None] = [None for _ in side_inputs]
        for stage, source, sink in zip(stages, channels, channels[1:], strict=False):
            self._sources.append(source)
            metrics = StageMetrics(stage.name)
            self.metrics.append(metrics)
            self.threads.append(stage_thread(stage, source, sink, metrics, self._fail))

    @property
    def turn(self) -> int:
        return self._turn

    @property
    def ended(self) -> bool:
        """Whether nothing more is taken in."""
        return self._ended

    def __enter__(self) -> Pipeline:
        if self._begun:
            raise ConfigError("a stream runs once; make another for the next 'with' block")
        self._begun = True
        try:
            with uninterrupted():  # a thread that is half started can be neither waited for nor left alone
                for thread in self.threads:
                    thread.start()
            watch(self)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def queues(self) -> list[tuple[int, int] | None]:
        """Messages waiting before each stage, and how many may; None before one without input."""
        return [None if source is None else (len(source), source.capacity) for source in self._sources]

    def push(self, item: object, timeout: float | None = None) -> bool:
        """Feed the first stage; waits while it is behind. False if the item's turn is over."""
        with self._running(feeding=True):
            return self._input.put(item, timeout)

    def room(self, count: int, timeout: float | None = None) -> None:
        """Waits until the first stage can be fed so many items at once; for who alone feeds it."""
        with self._running(feeding=True):
            self._input.room(count, timeout)

    def push_all(self, items: Sequence[object]) -> None:
        """Feed the first stage items that there is room for; those whose turn is over are dropped."""
        with self._running(feeding=True):
            self._input.put_all(items)

    def end(self) -> None:
        """No more input: every stage gives what it still owes, then the results end."""
        self._ended = True
        self._input.close()

    def results(self, timeout: float | None = None) -> Iterator[object]:
        """Results of the last stage, until it ends. To be read while input is pushed."""
        while True:
            try:
                yield self.get(timeout)
            except Closed:
                return

    def get(self, timeout: float | None = None) -> object:
        """One result; raises Closed after the last, TimeoutError after `timeout` seconds."""
        with self._running():
            return self._output.get(timeout)

    def interrupt(self) -> int:
        """Begin the next turn; what older turns have queued is gone."""
        with self._lock:
            self._turn += 1
            turn = self._turn
        for channel in self._channels:
            channel.drop_stale()
        return turn

    def cancel(self) -> None:
        """Stop from any thread; whoever waits for a result gets Cancelled."""
        with self._lock:
            self._cancelled = True
        self._abort()

    def stop(self) -> None:
        """End now and wait for every thread."""
        forget(self)
        self._abort()
        for thread in self.threads:
            if thread.is_alive() and thread is not threading.current_thread():
                thread.join()

    def _is_stale(self, item: object) -> bool:
        return getattr(item, "turn", self._turn) < self._turn

    def _abort(self) -> None:
        for channel in self._channels:
            channel.abort()

    @contextlib.contextmanager
    def _running(self, *, feeding: bool = False) -> Iterator[None]:
        """Whoever would wait here is told why nothing can come: not begun, ended, failed or stopped."""
        if feeding and self._ended:
            raise ConfigError("the stream has ended and takes in nothing more; begin another")
        if not self._begun:
            raise ConfigError(
                "the stream does not run yet: use it as a 'with' block (with engine.session(…) as live: …)"
            )
        try:
            yield
        except Aborted:
            reason = self._reason()
            raise reason from reason.__cause__

    def _reason(self) -> Exception:
        with self._lock:
            return self._error or Cancelled("the stream was stopped")

    def _fail(self, name: str, at: object, error: BaseException) -> None:
        with self._lock:
            first = self._error is None and not self._cancelled
            if first:
                self._error = StageError(name, at, error)
        self._abort()
        if first and self._error is not None:
            log.debug("%s", self._error, exc_info=error)
            if self._on_failure is not None:
                with contextlib.suppress(BaseException):
                    self._on_failure(self._error)
