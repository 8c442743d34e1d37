"""Stage 6: the portrait's layers moved to where the driven keypoints are."""

from __future__ import annotations

from collections.abc import Iterator

from ditto.messages import Pose, Warped
from ditto.pack import Warper


class Warp:
    """One warped portrait per pose."""

    name = "warp"

    def __init__(self, warper: Warper) -> None:
        self._warper = warper

    def process(self, item: Pose) -> Iterator[Warped]:
        yield Warped(item.turn, item.index, item, self._warper(item))

    def flush(self) -> tuple[Warped, ...]:
        return ()

    def interrupt(self) -> None:
        """Nothing is remembered from one frame to the next."""
