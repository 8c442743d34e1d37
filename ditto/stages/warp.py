"""Stage 6: the portrait's layers moved to where the driven keypoints are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, cast

from ditto.packs.base import Appearance, BatchWarper, Warper
from ditto.packs.base import Warped as Layers
from ditto.stages.messages import Pose, Warped


class Warp(Generic[Appearance, Layers]):
    """One warped portrait per pose; nothing where the source shows no face."""

    name = "warp"

    def __init__(self, warper: Warper[Appearance, Layers], batch: int = 1) -> None:
        """`batch` poses are moved in one call; those of an unfinished batch wait for the utterance's end.

        More than one needs a `BatchWarper`.
        """
        self._warper = warper
        self._batch = batch
        self._waiting: list[Pose[Appearance]] = []

    def process(self, item: Pose[Appearance]) -> Iterator[Warped[Appearance, Layers]]:
        if self._batch == 1:
            payload = self._warper(item) if item.source.seen else None
            yield Warped(item.turn, item.index, item, payload)
            return
        self._waiting.append(item)
        if len(self._waiting) == self._batch:
            yield from self.flush()

    def flush(self) -> Iterator[Warped[Appearance, Layers]]:
        poses, self._waiting = self._waiting, []
        seen = [pose for pose in poses if pose.source.seen]
        payloads = iter(
            cast(BatchWarper[Appearance, Layers], self._warper).many(seen, self._batch) if seen else ()
        )
        for pose in poses:
            yield Warped(pose.turn, pose.index, pose, next(payloads) if pose.source.seen else None)

    def interrupt(self) -> None:
        self._waiting.clear()
