"""Warper of the built-in pack: a pose becomes a record, and its mesh a map."""

from __future__ import annotations

from dataclasses import dataclass

from ditto.packs.mini.paint.shift_map import Rasteriser, ShiftMap
from ditto.packs.mini.placing.place import place
from ditto.packs.mini.placing.record import Placed
from ditto.packs.mini.source.appearance import MiniAppearance
from ditto.stages.messages import Pose


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """All that a frame is drawn from, beside the appearance of its source."""

    placed: Placed
    map: ShiftMap


class MiniWarper:
    """Tells how the portrait moves; `None` for a pose that is the source's own."""

    def __init__(self) -> None:
        self._rasteriser = Rasteriser()

    def __call__(self, pose: Pose[MiniAppearance]) -> Moved | None:
        look = pose.source.look
        placed = place(look, pose.rest, pose.drive)
        return None if placed is None else Moved(placed, self._rasteriser(look.head, placed))
