"""Stage 7: the face decoded from the warped portrait."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Generic, cast

from ditto.packs.base import Appearance, BatchDecoder, Decoder
from ditto.packs.base import Face as Paint
from ditto.packs.base import Warped as Layers
from ditto.stages.messages import Face, Warped
from ditto.stages.stage import Gathered


class Decode(Generic[Appearance, Layers, Paint]):
    """One painted face per warped portrait."""

    name = "decode"

    def __init__(self, decoder: Decoder[Appearance, Layers, Paint], batch: int = 1) -> None:
        """`batch` faces are painted in one call; more than one needs a `BatchDecoder`."""
        self._decoder = decoder
        self._warped: Gathered[Warped[Appearance, Layers]] = Gathered(batch)

    def process(self, item: Warped[Appearance, Layers]) -> Iterator[Face[Appearance, Paint]]:
        return self._painted(self._warped.add(item))

    def flush(self) -> Iterator[Face[Appearance, Paint]]:
        return self._painted(self._warped.take())

    def _painted(self, items: Sequence[Warped[Appearance, Layers]]) -> Iterator[Face[Appearance, Paint]]:
        seen = [(item.pose, cast(Layers, item.payload)) for item in items if item.pose.source.seen]
        if self._warped.size > 1 and seen:
            together = cast(BatchDecoder[Appearance, Layers, Paint], self._decoder)
            faces = iter(together.many([payload for _, payload in seen]))
        else:
            faces = (self._decoder(pose, payload) for pose, payload in seen)
        for item in items:
            face = next(faces) if item.pose.source.seen else None
            yield Face(item.turn, item.index, item.pose, face)

    def interrupt(self, turn: int) -> None:
        self._warped.take()
