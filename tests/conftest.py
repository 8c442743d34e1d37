"""For all tests: nothing is kept in the cache of whoever runs them, and what several folders pretend."""

import os
import signal
import sys

import pytest


def pytest_configure() -> None:
    os.environ["DITTO_CACHE"] = ""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background


class Rerun:
    """A recorder that does the call again, into the tensors it gave the first time, as a CUDA graph does."""

    def __init__(self):
        self.recorded = 0

    def record(self, call):
        self.recorded += 1
        outputs = call()

        def replay():
            for output, made in zip(outputs, call(), strict=True):
                output.copy_(made)

        return replay, outputs


@pytest.fixture(scope="session")
def computes():
    """computes(precision, device): skips the test where this processor only emulates that precision."""
    from model_formats.processor import lacks

    def require(precision, device="cpu"):
        if device == "cpu" and (reason := lacks(precision)):
            pytest.skip(reason)

    return require


@pytest.fixture
def recorder():
    return Rerun()


@pytest.fixture
def polygraphy_unbound():
    """Polygraphy as in a new process: it works with one TensorRT in each."""

    def taken():
        names = [name for name in sys.modules if name.partition(".")[0] == "polygraphy"]
        return {name: sys.modules.pop(name) for name in names}

    before = taken()
    yield
    taken()
    sys.modules.update(before)
