"""The reference's arithmetic of a driven frame, where it differs from ours: docs/controls.md."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ditto.motion.mixing import WHOLE_FACE, Mixing
from ditto.motion.pose import Placement
from ditto.motion.vector import MotionParts, Part, SourceMotion, computed, part, with_parts


class ReferenceMixing(Mixing):
    """Logits are scaled and faded as they are, and a video's gaze is held against its first frame."""

    silenced = WHOLE_FACE

    def controllable(self, motion: SourceMotion) -> SourceMotion:
        return motion

    def absolute(self, rest: SourceMotion, motion: MotionParts, factors: Mapping[str, float]) -> SourceMotion:
        """The motion itself times its factors, the portrait where a part has none."""

        def scaled(name: str, factor: np.float32) -> Part:
            return computed(lambda motion: motion * factor, part(motion, name))

        return with_parts(rest, {name: scaled(name, np.float32(factor)) for name, factor in factors.items()})

    def gaze_rest(self, first: Placement, shown: Placement) -> Placement:
        return first
