"""For all tests: nothing is kept in the cache of whoever runs them, and what several folders pretend."""

import fcntl
import gc
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

LARGE = 1500 << 20  # bytes
GROWN = 200 << 20  # bytes since the last collection that are worth another: each takes a second
settled = 0  # bytes after the last collection


def pytest_configure() -> None:
    os.environ["DITTO_CACHE"] = ""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side; threads that wait for a core spin
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background


@pytest.fixture(autouse=True)
def freed() -> Iterator[None]:
    """Gives back what a test opened: gigabytes in few objects do not make the collector run by itself."""
    global settled
    yield
    gc.unfreeze()  # commands freeze what they have loaded, since their process is theirs alone
    if psutil.Process().memory_info().rss > max(LARGE, settled + GROWN):
        gc.collect()
        settled = psutil.Process().memory_info().rss


@pytest.fixture(scope="session")
def made_once(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Callable[[str, Callable[[Path], object]], Path]]:
    """made_once(name, make): a folder that `make(folder)` filled in the worker that asked for it first.

    It serves all workers, and the last of them removes it: what is kept in it may be gigabytes.
    """
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if hasattr(request.config, "workerinput") else base) / "made-once"

    def get(name: str, make: Callable[[Path], object]) -> Path:
        folder, whole = root / name, root / f"{name}.whole"
        with (root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not whole.exists():
                folder.mkdir()
                make(folder)
                whole.touch()
        return folder

    with root.with_suffix(".users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        root.mkdir(exist_ok=True)
        yield get
        with suppress(BlockingIOError):  # another worker still uses it
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(root)


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
