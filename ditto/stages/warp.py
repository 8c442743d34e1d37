"""Stage 6: the portrait's features warped to the driven keypoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Generic, cast

from ditto.packs.base import Appearance, BatchWarper, Warper
from ditto.packs.base import Warped as Layers
from ditto.stages.messages import Pose, Warped
from ditto.stages.stage import Gathered


class Warp(Generic[Appearance, Layers]):
    """One warped portrait per pose; nothing where the source shows no face."""

    name = "warp"

    def __init__(self, warper: Warper[Appearance, Layers], batch: int = 1) -> None:
        """`batch` poses are moved in one call; more than one needs a `BatchWarper`."""
        self._warper = warper
        self._poses: Gathered[Pose[Appearance]] = Gathered(batch)

    def process(self, item: Pose[Appearance]) -> Iterator[Warped[Appearance, Layers]]:
        return self._moved(self._poses.add(item))

    def flush(self) -> Iterator[Warped[Appearance, Layers]]:
        return self._moved(self._poses.take())

    def _moved(self, poses: Sequence[Pose[Appearance]]) -> Iterator[Warped[Appearance, Layers]]:
        seen = [pose for pose in poses if pose.source.seen]
        if self._poses.size > 1 and seen:
            payloads = iter(cast(BatchWarper[Appearance, Layers], self._warper).many(seen))
        else:
            payloads = map(self._warper, seen)
        for pose in poses:
            yield Warped(pose.turn, pose.index, pose, next(payloads) if pose.source.seen else None)

    def interrupt(self, turn: int) -> None:
        self._poses.take()
