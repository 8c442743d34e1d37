"""Keeps motion from drifting away from the portrait."""

from __future__ import annotations

from dataclasses import dataclass

from ditto.arrays import Floats


@dataclass(frozen=True, slots=True)
class Identity:
    """Every `every` windows the motion starts again from the portrait's own; 0 is never."""

    every: int = 0
    drifting: tuple[int, int] | None = None  # from, to: part of the vector that goes on all the same

    def before_window(self, number: int, source: Floats, reached: Floats) -> Floats:
        """(265,) what window `number`, counted from 0, is told of the frame before it."""
        if not self.every or number % self.every:
            return reached
        if self.drifting is None:
            return source
        held: Floats = source.copy()
        held[slice(*self.drifting)] = reached[slice(*self.drifting)]
        return held
