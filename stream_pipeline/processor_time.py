"""Processor time of threads, and memory of this process, as the system counts them."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

THREAD_CLOCK = 6  # of Linux: a thread's own time, in the lowest bits of a clock's number


def processor_seconds(threads: Iterable[threading.Thread]) -> float:
    """Seconds that those of the threads have computed which still run; 0 where the system does not tell."""
    return sum(_seconds_of(thread) for thread in threads)


def _seconds_of(thread: threading.Thread) -> float:
    if sys.platform != "linux" or thread.native_id is None or not thread.is_alive():
        return 0.0
    try:
        return time.clock_gettime((~thread.native_id << 3) | THREAD_CLOCK)
    except OSError:  # it has ended meanwhile
        return 0.0


def resident_bytes() -> int:
    """Memory of this process that is in use; 0 where the system does not tell."""
    if sys.platform != "linux":
        return 0
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
