"""Stage 7: a face painted from the warped portrait."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, cast

from ditto.packs.base import Appearance, BatchDecoder, Decoder
from ditto.packs.base import Face as Paint
from ditto.packs.base import Warped as Layers
from ditto.stages.messages import Face, Warped


class Decode(Generic[Appearance, Layers, Paint]):
    """One painted face per warped portrait."""

    name = "decode"

    def __init__(self, decoder: Decoder[Appearance, Layers, Paint], batch: int = 1) -> None:
        """`batch` faces are painted in one call; those of an unfinished batch wait for the utterance's end.

        More than one needs a `BatchDecoder`.
        """
        self._decoder = decoder
        self._batch = batch
        self._waiting: list[Warped[Appearance, Layers]] = []

    def process(self, item: Warped[Appearance, Layers]) -> Iterator[Face[Appearance, Paint]]:
        if self._batch == 1:
            payload = self._decoder(item.pose, cast(Layers, item.payload)) if item.pose.source.seen else None
            yield Face(item.turn, item.index, item.pose, payload)
            return
        self._waiting.append(item)
        if len(self._waiting) == self._batch:
            yield from self.flush()

    def flush(self) -> Iterator[Face[Appearance, Paint]]:
        items, self._waiting = self._waiting, []
        seen = [item for item in items if item.pose.source.seen]
        faces = iter(
            cast(BatchDecoder[Appearance, Layers, Paint], self._decoder).many(
                [cast(Layers, item.payload) for item in seen], self._batch
            )
            if seen
            else ()
        )
        for item in items:
            face = next(faces) if item.pose.source.seen else None
            yield Face(item.turn, item.index, item.pose, face)

    def interrupt(self) -> None:
        self._waiting.clear()
