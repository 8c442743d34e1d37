"""Memory of a process in which sessions come and go."""

from __future__ import annotations

import ctypes
import gc
import os
import sys

M_ARENA_MAX = -8  # glibc's malloc.h
ARENAS = 2


def share_heaps() -> None:
    """Lets all threads share two heaps of the C library, called before they begin.

    By default there are eight for each core. What the threads of a session give back is then used again by
    few others, and a process grows by about 10 MB with each session that comes and goes.
    """
    if "MALLOC_ARENA_MAX" not in os.environ:
        of_glibc("mallopt", M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Gives back to the system what sessions held that have ended: not for the event loop's thread.

    The collector would look late by itself, as they are few objects, though with many bytes.
    """
    gc.collect()
    of_glibc("malloc_trim", 0)


def of_glibc(name: str, *arguments: int) -> None:
    """Calls a function of the C library, where it is one that has it."""
    if sys.platform == "linux":
        function = getattr(ctypes.CDLL(None), name, None)
        if function is not None:
            function(*arguments)
