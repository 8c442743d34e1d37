"""The inner loop of turning RGB into the planes of video, compiled, without the interpreter's lock."""

from __future__ import annotations

import numpy as np
from numba import njit

FRACTION = 16  # bits behind the point of a weight


@njit(cache=True, nogil=True)
def weighed(pixels, weights, plane):  # type: ignore[no-untyped-def]
    """Writes red · w0 + green · w1 + blue · w2 + w3 of (h, 3 w) pixels into the first w columns of `plane`.

    The weights are whole numbers, 2 ** FRACTION for 1; half of that in w3 rounds.
    """
    red, green, blue, rest = weights[0], weights[1], weights[2], weights[3]
    # unsigned places and 32-bit numbers: as many pixels at once as the processor can
    for y in range(len(plane)):
        row, line = pixels[y], plane[y]
        for n in range(np.uintp(pixels.shape[1] // 3)):
            at = n * np.uintp(3)
            total = np.int32(row[at]) * red + np.int32(row[at + np.uintp(1)]) * green
            total += np.int32(row[at + np.uintp(2)]) * blue + rest
            line[n] = np.uint8(total >> np.int32(FRACTION))
