"""Loading what a command needs, and how its libraries use the processor."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

OWN_PACKAGES = ("cfg", "checkpoints", "ditto", "ditto_server", "model_formats", "stream_pipeline")
VENV_PYTHON = r".venv\Scripts\python" if os.name == "nt" else ".venv/bin/python"


@contextmanager
def needing_packages(program: str) -> Iterator[None]:
    """Import what a program needs: one line and exit code 1 where this Python lacks the packages."""
    # Read when NumPy is first imported: threads of its products would wait busily while the stages work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        with garbage_collection_disabled():
            yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in OWN_PACKAGES:
            raise
        sys.exit(
            f"{sys.executable} has no package '{error.name}': run 'make demo' once where the repository was "
            f"cloned, then '{VENV_PYTHON} {program} …'; or install this project into this Python"
        )


@contextmanager
def garbage_collection_disabled() -> Iterator[None]:
    """Disable garbage collection while loading; what is loaded is never searched for garbage later either."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def leave_cores_to_stages() -> None:
    """Keep OpenCV to one thread: several stages keep the cores busy, and more would only wait for them."""
    import cv2

    cv2.setNumThreads(1)
