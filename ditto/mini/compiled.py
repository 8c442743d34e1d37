"""How the inner loops of the mini pack's painter are compiled: none of them holds the interpreter's lock.

Compiled code is kept until the file of the function itself changes, so what a loop calls is in its file.
"""

from __future__ import annotations

from typing import Any

from numba import njit

fast = njit(cache=True, nogil=True, fastmath=True)


def inlined(function: Any) -> Any:
    """A function that becomes part of those that call it."""
    return njit(inline="always", fastmath=True, cache=True, nogil=True)(function)
