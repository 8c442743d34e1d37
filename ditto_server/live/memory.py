"""Memory of a process in which sessions come and go."""

from __future__ import annotations

import ctypes
import os
import sys

M_ARENA_MAX = -8  # glibc's malloc.h
ARENAS = 2


def share_heaps() -> None:
    """Lets all threads share two heaps of the C library, called before they begin.

    By default there are eight for each core. What the threads of a session give back is then used again by
    few others, and a process grows by about 10 MB with each session that comes and goes.
    """
    if sys.platform == "linux" and "MALLOC_ARENA_MAX" not in os.environ:
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
        if mallopt is not None:
            mallopt(M_ARENA_MAX, ARENAS)
