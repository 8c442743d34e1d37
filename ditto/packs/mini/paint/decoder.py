"""Decoder of the built-in pack: it draws whole frames."""

from __future__ import annotations

from ditto.arrays import Image
from ditto.packs.mini.paint.drawing import drawn
from ditto.packs.mini.paint.warper import Moved
from ditto.packs.mini.source.appearance import MiniAppearance
from ditto.stages.messages import Pose


class MiniDecoder:
    """The whole frame, a new array; for a pose at rest, the source bit for bit."""

    def __call__(self, pose: Pose[MiniAppearance], warped: Moved | None) -> Image:
        if warped is None:
            still: Image = pose.source.image.copy()
            return still
        return drawn(pose.source.look, warped.placed, warped.map)
