"""What is done to each finished picture before it leaves: another background, another cut."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

from ditto.arrays import Image
from ditto.stages.messages import Face, Picture, Pose
from ditto.stages.stage import Stage

Step = Callable[[Pose, Image], Image]


class Finish:
    """The putback stage, its pictures taken through further steps. It keeps the stage's name."""

    def __init__(self, putback: Stage[Face, Picture], steps: Sequence[Step]) -> None:
        self.name = putback.name
        self._putback = putback
        self._steps = list(steps)

    def process(self, item: Face) -> Iterator[Picture]:
        for picture in self._putback.process(item):
            image = picture.image
            for step in self._steps:
                image = step(item.pose, image)
            yield dataclasses.replace(picture, image=image)

    def flush(self) -> Iterator[Picture]:
        yield from self._putback.flush()

    def interrupt(self) -> None:
        self._putback.interrupt()
