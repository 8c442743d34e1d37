"""Stage 8, paste-back: the painted face composited into its picture; then enhancers, background, framing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, cast

from ditto.arrays import Image
from ditto.packs.base import Appearance, Compositor, Face
from ditto.stages import messages
from ditto.stages.messages import Picture, Pose

Step = Callable[[Pose[object], Image], Image]  # an enhancer, another background, a crop


class Putback(Generic[Appearance, Face]):
    """One finished picture per painted face; the source's own where it shows none."""

    name = "putback"

    def __init__(self, compositor: Compositor[Appearance, Face], steps: Sequence[Step] = ()) -> None:
        """Each picture is taken through `steps` before it leaves."""
        self._compositor = compositor
        self._steps = list(steps)

    def process(self, item: messages.Face[Appearance, Face]) -> Iterator[Picture]:
        source = item.pose.source
        image = self._compositor(item.pose, cast(Face, item.payload)) if source.seen else source.image.copy()
        for step in self._steps:
            image = step(item.pose, image)
        yield Picture(item.turn, item.index, image)

    def flush(self) -> tuple[Picture, ...]:
        return ()

    def interrupt(self, turn: int) -> None:
        """Nothing is remembered that belongs to an utterance."""
