"""Stage 6: the portrait's layers moved to where the driven keypoints are."""

from __future__ import annotations

from collections.abc import Iterator

from ditto.messages import Pose, Warped
from ditto.pack import Warper


class Warp:
    """One warped portrait per pose; nothing where the source shows no face."""

    name = "warp"

    def __init__(self, warper: Warper) -> None:
        self._warper = warper

    def process(self, item: Pose) -> Iterator[Warped]:
        payload = self._warper(item) if item.source.seen else None
        yield Warped(item.turn, item.index, item, payload)

    def flush(self) -> tuple[Warped, ...]:
        return ()

    def interrupt(self) -> None:
        """Nothing is remembered from one frame to the next."""
