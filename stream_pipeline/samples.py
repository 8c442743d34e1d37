"""Sound that waits: put in as it comes, taken out in pieces of a wanted length."""

from __future__ import annotations

from collections import deque

import numpy as np

from ditto.arrays import Floats


class Samples:
    """A queue of samples."""

    def __init__(self) -> None:
        self._pieces: deque[Floats] = deque()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, samples: Floats) -> None:
        if len(samples):
            self._pieces.append(samples)
            self._count += len(samples)

    def take(self, count: int) -> Floats:
        """(count,) the oldest samples, silence where there are too few; a new array."""
        taken = np.zeros(count, np.float32)
        filled = 0
        while self._pieces and filled < count:
            piece = self._pieces[0][: count - filled]
            taken[filled : filled + len(piece)] = piece
            filled += len(piece)
            if len(piece) == len(self._pieces[0]):
                self._pieces.popleft()
            else:
                self._pieces[0] = self._pieces[0][len(piece) :]
        self._count -= filled
        return taken
