"""The inner loop of turning RGB into the planes of video, compiled, without the interpreter's lock."""

from __future__ import annotations

import numpy as np
from numba import njit

FRACTION = 16  # bits behind the point of a weight


@njit(inline="always", cache=True, nogil=True)
def weighed(red, green, blue, weights):  # type: ignore[no-untyped-def]
    total = np.int32(np.int32(red) * weights[0]) + np.int32(np.int32(green) * weights[1])
    total += np.int32(np.int32(blue) * weights[2]) + weights[3]
    return np.uint8(np.int32(total) >> np.int32(FRACTION))


@njit(cache=True, nogil=True)
def to_planes(pixels, weights, luma, blue, red):  # type: ignore[no-untyped-def]
    """Writes (h, 3 w) pixels, h and w even, into the first columns of three planes.

    A value is red · w0 + green · w1 + blue · w2 + w3, with a plane's own row of the (3, 4) weights; for the
    two of colour, that of the rounded mean of four pixels. The weights are whole numbers, 2 ** FRACTION
    for 1; half of that in w3 rounds.
    """
    sums = np.empty(pixels.shape[1], np.int32)
    # unsigned places and 32-bit numbers: as many pixels at once as the processor can
    one, two, three = np.uintp(1), np.uintp(2), np.uintp(3)
    for y in range(0, len(pixels), 2):
        for k in range(2):
            row, line = pixels[y + k], luma[y + k]
            for n in range(np.uintp(len(sums) // 3)):
                at = n * three
                line[n] = weighed(row[at], row[at + one], row[at + two], weights[0])
        above, below = pixels[y], pixels[y + 1]
        for n in range(np.uintp(len(sums))):
            sums[n] = np.int32(above[n]) + np.int32(below[n])
        blues, reds = blue[y // 2], red[y // 2]
        for n in range(np.uintp(len(sums) // 6)):
            at = n * np.uintp(6)
            next_ = at + three
            r = np.int32(np.int32(sums[at] + sums[next_]) + np.int32(2)) >> np.int32(2)
            g = np.int32(np.int32(sums[at + one] + sums[next_ + one]) + np.int32(2)) >> np.int32(2)
            b = np.int32(np.int32(sums[at + two] + sums[next_ + two]) + np.int32(2)) >> np.int32(2)
            blues[n] = weighed(r, g, b, weights[1])
            reds[n] = weighed(r, g, b, weights[2])
