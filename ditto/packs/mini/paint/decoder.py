"""Decoder of the built-in pack: it draws whole frames."""

from __future__ import annotations

from ditto.arrays import Image
from ditto.packs.mini.paint.drawing import drawn
from ditto.packs.mini.paint.warper import Moved
from ditto.packs.mini.source.appearance import MiniAppearance
from ditto.stages.messages import Pose


class MiniDecoder:
    """The whole frame with the picture moved, and over it what the source does not show."""

    def __call__(self, pose: Pose[MiniAppearance], warped: Moved | None) -> Image | None:
        return None if warped is None else drawn(pose.source.look, warped.placed, warped.map)
