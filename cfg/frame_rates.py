"""Frame rates of videos, as the exact fractions they are."""

from __future__ import annotations

import reprlib
from fractions import Fraction

from cfg.errors import ConfigError

Rate = int | Fraction
RATES: tuple[Rate, ...] = (  # frames a second of the video; those of broadcasts as what they are exactly
    Fraction(24_000, 1001),
    24,
    25,
    Fraction(30_000, 1001),
    30,
    Fraction(48_000, 1001),
    48,
    50,
    Fraction(60_000, 1001),
    60,
)
MAX_ROUNDING = Fraction(5, 1000)  # how far a rate may be off as it is said: 23.98, 29.97


def rate_of(name: str, said: Rate) -> Rate:
    """The exact rate that was meant: 30000/1001 for 29.97."""
    for rate in RATES:
        if abs(Fraction(rate) - said) < MAX_ROUNDING:
            return rate
    known = ", ".join(shown_rate(rate) for rate in RATES)
    raise ConfigError(f"{name} is {shown_rate(said)}, but must be one of: {known}")


def shown_rate(rate: Rate) -> str:
    """23.976, as people call it."""
    return f"{float(rate):.5g}" if Fraction(rate) < 10**9 else reprlib.repr(rate)
