"""The size a source is rendered at, and the smoothing of a video's measured motion."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from ditto.arrays import Floats


def render_size(height: int, width: int, longest: int = 1920, multiple: int = 2) -> tuple[int, int]:
    """Height and width, the longest side at most `longest` (0: any), both divisible by `multiple`."""
    if 0 < longest < max(height, width):
        if height > width:
            height, width = longest, round(width * longest / height)
        else:
            height, width = round(height * longest / width), longest
    return height - height % multiple, width - width % multiple


def smooth(
    motions: Sequence[Mapping[str, Floats]], window: int = 13, keep: Collection[str] = ()
) -> list[dict[str, Floats]]:
    """Each motion averaged with window // 2 neighbours on both sides, fewer at the ends.

    The parts named in `keep` stay as they are.
    """
    reach = window // 2
    smoothed: list[dict[str, Floats]] = []
    for index, motion in enumerate(motions):
        near = motions[max(0, index - reach) : index + reach + 1]
        smoothed.append(
            {
                part: value if part in keep else np.mean([m[part] for m in near], axis=0, dtype=np.float32)
                for part, value in motion.items()
            }
        )
    return smoothed
