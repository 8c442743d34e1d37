"""Sinks that take finished pictures: a file, a function, a queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ditto.arrays import Image


class Sink(Protocol):
    """Takes finished pictures."""

    def write(self, image: Image, index: int) -> None:
        """The next picture; `index` counts all of them from 0 without a gap."""

    def close(self) -> None:
        """That was all: the result is whole, and seen as such."""

    def abort(self) -> None:
        """Nothing is left behind that looks whole. Harmless after `close`."""


class Callback:
    """Hands every picture to a function."""

    def __init__(self, receive: Callable[[Image, int], object]) -> None:
        self._receive = receive

    def write(self, image: Image, index: int) -> None:
        self._receive(image, index)

    def close(self) -> None:
        """Nothing is held open."""

    def abort(self) -> None:
        """Nothing is held open."""
