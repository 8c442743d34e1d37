"""Stage 7: a face painted from the warped portrait."""

from __future__ import annotations

from collections.abc import Iterator

from ditto.messages import Face, Warped
from ditto.pack import Decoder


class Decode:
    """One painted face per warped portrait."""

    name = "decode"

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def process(self, item: Warped) -> Iterator[Face]:
        payload = self._decoder(item.pose, item.payload) if item.pose.source.seen else None
        yield Face(item.turn, item.index, item.pose, payload)

    def flush(self) -> tuple[Face, ...]:
        return ()

    def interrupt(self) -> None:
        """Nothing is remembered from one frame to the next."""
