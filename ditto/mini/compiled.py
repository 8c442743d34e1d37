"""How the inner loops of the mini pack's painter are compiled: none of them holds the interpreter's lock.

Compiled code is kept until the file of the function itself changes, so what a loop calls is in its file; but
for `ramp`, which stays as it is.
"""

from __future__ import annotations

from typing import Any

from numba import njit

fast = njit(cache=True, nogil=True, fastmath=True)


def inlined(function: Any) -> Any:
    """A function that becomes part of those that call it."""
    return njit(inline="always", fastmath=True, cache=True, nogil=True)(function)


@inlined
def ramp(x, a, b):  # type: ignore[no-untyped-def]
    """0 below a, 1 above b, smooth between."""
    t = min(1.0, max(0.0, (x - a) / (b - a)))
    return t * t * (3 - 2 * t)
