"""Motion from arrays by name, as reference numbers are stored."""

from collections.abc import Mapping

from ditto.arrays import Floats
from ditto.motion.angles import Bins
from ditto.motion.vector import ANGLES, MOVING, MotionParts


def motion_parts(arrays: Mapping[str, Floats]) -> MotionParts:
    """The motion without the identity; what else is there is left out."""
    return MotionParts(**{n: Bins(arrays[n]) if n in ANGLES else arrays[n] for n in MOVING})
