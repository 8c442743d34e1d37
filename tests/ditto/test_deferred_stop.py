"""A stop that is asked for at a bad moment."""

import signal
import threading

import pytest

from ditto import deferred_stop
from ditto.deferred_stop import uninterrupted

STOPS = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def both_interrupt():
    """Both kinds of stop raise KeyboardInterrupt, as in a command, and have to do so afterwards too."""
    before = {stop: signal.signal(stop, signal.default_int_handler) for stop in STOPS}
    yield
    try:
        assert [signal.getsignal(stop) for stop in STOPS] == [signal.default_int_handler] * 2
    finally:
        for stop, handler in before.items():
            signal.signal(stop, handler)


@pytest.mark.parametrize("stop", STOPS)
def test_a_stop_comes_when_everything_is_done(stop):
    done = []
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        signal.raise_signal(stop)
        done.append("all")
    assert done == ["all"]


def test_what_is_not_stopped_goes_on():
    with uninterrupted():
        pass


def test_an_error_is_not_swallowed():
    with pytest.raises(ValueError, match="ours"), uninterrupted():
        raise ValueError("ours")


@pytest.mark.parametrize("stop", STOPS)
def test_a_second_stop_at_the_very_end_leaves_the_next_ones_heard(stop, monkeypatch):
    restore = signal.signal

    def restored_and_stopped(which, handler):
        before = restore(which, handler)
        if which == stop and handler is signal.default_int_handler:
            signal.raise_signal(stop)
        return before

    monkeypatch.setattr(deferred_stop.signal, "signal", restored_and_stopped)
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        signal.raise_signal(stop)


def test_a_stop_that_the_program_ignores_is_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with uninterrupted():
        signal.raise_signal(signal.SIGINT)
    assert signal.signal(signal.SIGINT, signal.default_int_handler) is signal.SIG_IGN


def test_other_threads_are_never_stopped_and_change_nothing():
    seen = []

    def make():
        with uninterrupted():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
