"""Numbers of plausible size for the inputs of the official networks, where two forms of one are compared."""

from __future__ import annotations

from collections.abc import Mapping

SPREADS: Mapping[str, float] = {  # standard deviations; 1 where none is named
    "kp_source": 0.3,
    "kp_driving": 0.3,
    "image": 0.5,
    "input_values": 0.1,
}
INTEGER_BOUNDS: Mapping[str, int] = {
    "time_cond": 1000,
    "times": 1000,
    "step": 3,
}  # whole numbers from 0 to below
