import asyncio
import random
import signal
import threading
from dataclasses import dataclass

import pytest

from cfg.errors import Cancelled, StageError
from ditto.stages.messages import EndOfSpeech
from stream_pipeline.channel import Channel, Closed
from stream_pipeline.pipeline import Pipeline


@dataclass(frozen=True)
class Item:
    turn: int
    value: object

    def __str__(self):
        return f"item {self.value}"


class Same:
    """Hands on what it gets."""

    def __init__(self, name="same"):
        self.name = name
        self.turns = []  # it was told of

    def process(self, item):
        yield item

    def flush(self):
        return ()

    def interrupt(self, turn):
        self.turns.append(turn)


class Sums(Same):
    """Gives the sum of an utterance when it ends."""

    def __init__(self):
        super().__init__("sums")
        self.total, self.turn = 0, 0

    def process(self, item):
        self.total, self.turn = self.total + item.value, item.turn
        return ()

    def flush(self):
        yield Item(self.turn, self.total)
        self.total = 0

    def interrupt(self, turn):
        self.total = 0


class Fails(Same):
    def __init__(self, error, at, name="writer"):
        super().__init__(name)
        self.error, self.at = error, at

    def process(self, item):
        if item.value == self.at:
            raise self.error
        yield item


class Waits(Same):
    """Holds the named item until it is told to go on."""

    def __init__(self, value):
        super().__init__("waits")
        self.value = value
        self.reached, self.go = threading.Event(), threading.Event()

    def process(self, item):
        if item.value == self.value:
            self.reached.set()
            self.go.wait(30)
        yield item


def stage_threads():
    return [t for t in threading.enumerate() if t.name.startswith("ditto-")]


def drain(pipeline):
    pipeline.end()
    return [item.value for item in pipeline.results()]


def test_what_goes_in_comes_out_in_order():
    with Pipeline([Same("a"), Same("b"), Same("c")]) as pipeline:
        for number in range(20):
            pipeline.push(Item(0, number))
        got = drain(pipeline)
    assert got == list(range(20))


def test_results_can_be_read_while_more_than_fits_is_fed():
    feed = (Item(0, number) for number in range(1000))
    with Pipeline([Same("a"), Same("b")], capacity=1, feed=feed) as pipeline:
        assert [item.value for item in pipeline.results()] == list(range(1000))


def test_a_stage_gives_what_it_owes_at_the_end():
    with Pipeline([Sums(), Same()]) as pipeline:
        for number in (1, 2, 3):
            pipeline.push(Item(0, number))
        assert drain(pipeline) == [6]


def test_the_end_of_an_utterance_flushes_and_travels_on():
    with Pipeline([Sums(), Same()]) as pipeline:
        pipeline.push(Item(0, 1))
        pipeline.push(Item(0, 2))
        pipeline.push(EndOfSpeech(0))
        assert pipeline.get(10).value == 3
        assert pipeline.get(10) == EndOfSpeech(0)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_failing_stage_ends_the_stream_and_is_named(place):
    disk_full = OSError("disk full")
    stages = [Same("first"), Same("second"), Same("third")]
    stages[place] = Fails(disk_full, at=7)
    with Pipeline(stages, capacity=1) as pipeline, pytest.raises(StageError) as caught:
        for number in range(1000):
            pipeline.push(Item(0, number))
            if number > 3:
                pipeline.get()
    assert str(caught.value) == "stage 'writer' failed at item 7: disk full"
    assert caught.value.__cause__ is disk_full
    assert stage_threads() == []


ENDS = [SystemExit, KeyboardInterrupt, asyncio.CancelledError, GeneratorExit, MemoryError]


@pytest.mark.parametrize("kind", ENDS)
def test_a_stage_that_would_end_its_thread_ends_the_stream_and_is_named(kind):
    error = kind()
    with Pipeline([Same(), Fails(error, at=2)]) as pipeline:
        pipeline.push(Item(0, 2))
        with pytest.raises(StageError, match=f"'writer' failed at item 2: {kind.__name__}") as caught:
            pipeline.get(20)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("kind", ENDS)
def test_a_producer_that_would_end_its_thread_ends_the_stream_and_is_named(kind):
    def frames():
        yield Item(0, 0)
        raise kind

    with Pipeline([Same()], side_inputs=[("avatar registrar", frames(), Channel(1))]) as pipeline:  # noqa: SIM117
        with pytest.raises(StageError, match=f"'avatar registrar' failed at item 0: {kind.__name__}"):
            pipeline.get(20)


def test_a_failure_reaches_a_reader_that_waits():
    with Pipeline([Fails(ValueError("no"), at=0)]) as pipeline:
        pipeline.push(Item(0, 0))
        with pytest.raises(StageError, match="no"):
            pipeline.get()


def test_only_the_first_failure_is_told():
    told = []
    stages = [Fails(ValueError("cause"), at=1, name="a"), Fails(ValueError("echo"), at=2, name="b")]
    with Pipeline(stages, on_failure=told.append) as pipeline:
        pipeline.push(Item(0, 1))
        with pytest.raises(StageError, match="'a' failed at item 1: cause"):
            pipeline.get()
    assert len(told) == 1


def test_a_failing_producer_is_named_like_a_stage():
    def frames():
        yield Item(0, 0)
        raise OSError("unreadable")

    side = Channel(1)
    with Pipeline([Same()], side_inputs=[("avatar registrar", frames(), side)]) as pipeline:  # noqa: SIM117
        with pytest.raises(StageError, match="'avatar registrar' failed at item 0: unreadable"):
            pipeline.get()


def test_leaving_by_an_exception_leaves_no_thread_though_every_queue_is_full():
    with pytest.raises(KeyError), Pipeline([Same(), Same(), Same()], capacity=1) as pipeline:
        for number in range(5):
            pipeline.push(Item(0, number))
        raise KeyError
    assert stage_threads() == []


def test_a_stop_while_the_threads_are_started_leaves_none(monkeypatch):
    pipeline = Pipeline([Same(), Same(), Same()])
    second = pipeline.threads[1]
    start = second.start

    def started_and_stopped():
        start()
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(second, "start", started_and_stopped)
    with pytest.raises(KeyboardInterrupt), pipeline:
        pass
    assert stage_threads() == []


def test_cancelling_from_another_thread_wakes_the_reader():
    with Pipeline([Same()]) as pipeline:
        threading.Timer(0.02, pipeline.cancel).start()
        with pytest.raises(Cancelled):
            pipeline.get()


def test_after_an_interruption_nothing_of_the_old_turn_is_delivered():
    holding = Waits(3)
    with Pipeline([Same(), holding, Same()], capacity=1) as pipeline:
        for number in range(6):
            pipeline.push(Item(0, number))
        for _ in range(2):
            pipeline.get()
        holding.reached.wait(10)
        turn = pipeline.interrupt()
        holding.go.set()
        pipeline.push(Item(0, "late"))
        pipeline.push(Item(turn, "new"))
        assert drain(pipeline) == ["new"]


def test_every_stage_is_told_the_turn_before_it_sees_anything_of_it():
    stages = [Same("a"), Sums(), Same("c")]
    with Pipeline(stages) as pipeline:
        pipeline.push(Item(0, 5))
        turn = pipeline.interrupt()
        pipeline.push(Item(turn, 7))
        assert drain(pipeline) == [7]
    assert [stage.turns for stage in (stages[0], stages[2])] == [[1], [1]]


class Interrupted(Same):
    """As stages of 0.1.0 were: not told the turn."""

    def interrupt(self):
        self.turns.append("a newer one")


def test_a_stage_that_takes_no_turn_is_told_of_interruptions_too():
    stage = Interrupted("mine")
    with pytest.warns(DeprecationWarning, match=r"stage 'mine': .* write interrupt\(self, turn\)"):
        pipeline = Pipeline([stage])
    with pipeline:
        pipeline.push(Item(pipeline.interrupt(), 7))
        assert drain(pipeline) == [7]
    assert stage.turns == ["a newer one"]


def test_thread_timing_does_not_change_the_order():
    class Dawdles(Same):
        def process(self, item):
            threading.Event().wait(random.random() / 500)
            yield item

    feed = (Item(0, number) for number in range(60))
    with Pipeline([Dawdles("a"), Dawdles("b"), Dawdles("c")], feed=feed) as pipeline:
        assert [item.value for item in pipeline.results()] == list(range(60))


def test_metrics_count_what_every_stage_did():
    with Pipeline([Same("a"), Same("b")]) as pipeline:
        for number in range(10):
            pipeline.push(Item(0, number))
        drain(pipeline)
        counts = [(m.name, m.items, m.results) for m in pipeline.metrics]
    assert counts == [("a", 10, 10), ("b", 10, 10)]
    assert all(m.busy >= 0 and m.starved >= 0 and m.blocked >= 0 for m in pipeline.metrics)


def test_reading_past_the_end_says_that_it_is_closed():
    with Pipeline([Same()]) as pipeline:
        pipeline.end()
        with pytest.raises(Closed):
            pipeline.get()
