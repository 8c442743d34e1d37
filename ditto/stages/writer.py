"""Stage 9: finished pictures written to a file, a function or a queue."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cfg.errors import MediaError
from ditto.arrays import Image
from ditto.media.sink import Sink
from ditto.stages.messages import Picture


def check_picture(image: Image) -> None:
    """Raises MediaError where a stage or an enhancer of somebody's own gave something else."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3:
        kind = (
            f"{image.dtype} of shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        )
        raise MediaError(f"the picture is {kind}, but must be (height, width, 3 or 4) of uint8")


class Writer:
    """Puts pictures into a sink in their order, and hands them on once they are there.

    Closing the sink is left to its owner: an utterance may be followed by another.
    """

    name = "writer"

    def __init__(self, sink: Sink, first: int = 0, *, gaps: bool = False) -> None:
        """`first` is the frame the first turn begins with: those before it are in the sink already.

        With `gaps` frames may be missing, as in a live stream that has fallen behind.
        """
        self._sink = sink
        self._gaps = gaps
        self._next = first  # index within the turn
        self.written = 0

    def process(self, picture: Picture) -> Iterable[Picture]:
        if picture.index < self._next or (picture.index > self._next and not self._gaps):
            raise ValueError(f"frame {picture.index} arrived where frame {self._next} was due")
        check_picture(picture.image)
        self._sink.write(picture.image, self.written)
        self._next = picture.index + 1
        self.written += 1
        yield picture

    def flush(self) -> Iterable[Picture]:
        return ()

    def interrupt(self, turn: int) -> None:
        self._next = 0
