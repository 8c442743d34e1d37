"""Finding out why a stream stands still."""

import os
import signal
import threading
import time

import pytest

from stream_pipeline import stall
from stream_pipeline.metrics import BLOCKED
from stream_pipeline.pipeline import Pipeline


class Numbered:
    """An item with a name in errors and reports."""

    turn = 0

    def __init__(self, number):
        self.number = number

    def __str__(self):
        return f"frame {self.number}"


class Step:
    def __init__(self, name, gate=None):
        self.name, self.gate, self.reached = name, gate, threading.Event()

    def process(self, item):
        self.reached.set()
        if self.gate is not None:
            self.gate.wait()
        yield item

    def flush(self):
        return ()

    def interrupt(self, turn):
        pass


@pytest.fixture
def stuck():
    """A stream of three stages whose middle one does not come back from its first frame."""
    gate = threading.Event()
    steps = [Step("first"), Step("stuck", gate), Step("last")]
    with Pipeline(steps, capacity=1, feed=[Numbered(n) for n in range(9)]) as pipeline:
        assert steps[1].reached.wait(10)
        first = next(m for m in pipeline.metrics if m.name == "first")
        while first.results < 3 or first.state != BLOCKED:  # one is worked on, one waits, one finds no place
            pass
        yield pipeline
        gate.set()
        assert len(list(pipeline.results(timeout=10))) == 9


def stages(text):
    """What the report says of each stage: what it does, with what, and its queue."""
    found = {}
    for line in text.splitlines()[2:]:
        cells, rest = [], line
        for width in stall.COLUMN_WIDTHS:
            cells.append(rest[:width].strip())
            rest = rest[width:]
        found[cells[0]] = (cells[1], cells[3], cells[4])
    return found


def test_each_stage_is_named_with_what_it_does_and_what_waits_for_it(stuck):
    said = stall.described(stuck, time.perf_counter())
    assert said.startswith("a stream in turn 0\n")
    found = stages(said)
    assert found["stuck"][:2] == ("working", "frame 0")
    assert found["first"][0] == "blocked on output"
    assert found["last"][0] == "waiting for input"
    assert found["stuck"][2] == "1 of 1"


def test_a_stream_that_has_ended_is_not_told_of(stuck):
    assert stuck in stall.streams()
    with Pipeline([Step("only")], feed=[]) as pipeline:
        assert list(pipeline.results(timeout=10)) == []
    assert pipeline not in stall.streams()


def test_a_program_that_is_sent_the_signal_says_it(stuck, capsys):
    before = signal.getsignal(signal.SIGUSR1)
    try:
        stall.report_on_signal()
        os.kill(os.getpid(), signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert "working" in capsys.readouterr().err


def test_the_watchdog_speaks_when_nothing_moves(stuck):
    said = []
    heard = threading.Event()
    with stall.watchdog(0.01, lambda text: (said.append(text), heard.set())):
        assert heard.wait(10)
    assert said[0].startswith("nothing has moved for 0.01 s\na stream in turn 0")


def test_the_watchdog_is_silent_while_no_stream_runs():
    said = []
    with stall.watchdog(0.001, said.append):
        pass
    assert said == []
