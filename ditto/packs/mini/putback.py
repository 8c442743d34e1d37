"""The mini pack's compositor: its decoder paints whole frames, so hardly anything is left to do."""

from __future__ import annotations

from ditto.arrays import Image
from ditto.packs.mini.source.appearance import MiniAppearance
from ditto.stages.messages import Pose


class MiniCompositor:
    """The whole frame, an array of its own; for a pose at rest, the source bit for bit."""

    def __call__(self, pose: Pose[MiniAppearance], face: Image | None) -> Image:
        return pose.source.image.copy() if face is None else face
