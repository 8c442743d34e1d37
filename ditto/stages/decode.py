"""Stage 7: a face painted from the warped portrait."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from ditto.packs.base import BatchDecoder, Decoder
from ditto.stages.messages import Face, Warped


class Decode:
    """One painted face per warped portrait."""

    name = "decode"

    def __init__(self, decoder: Decoder, batch: int = 1) -> None:
        """`batch` faces are painted in one call; those of an unfinished batch wait for the utterance's end.

        More than one needs a `BatchDecoder`.
        """
        self._decoder = decoder
        self._batch = batch
        self._waiting: list[Warped] = []

    def process(self, item: Warped) -> Iterator[Face]:
        if self._batch == 1:
            payload = self._decoder(item.pose, item.payload) if item.pose.source.seen else None
            yield Face(item.turn, item.index, item.pose, payload)
            return
        self._waiting.append(item)
        if len(self._waiting) == self._batch:
            yield from self.flush()

    def flush(self) -> Iterator[Face]:
        items, self._waiting = self._waiting, []
        seen = [item for item in items if item.pose.source.seen]
        faces = iter(
            cast(BatchDecoder, self._decoder).many([item.payload for item in seen], self._batch)
            if seen
            else ()
        )
        for item in items:
            face = next(faces) if item.pose.source.seen else None
            yield Face(item.turn, item.index, item.pose, face)

    def interrupt(self) -> None:
        self._waiting.clear()
