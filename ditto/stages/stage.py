"""The protocol that every one of the nine stages follows."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from inspect import signature
from typing import Generic, NoReturn, Protocol, TypeVar, cast

In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)
Item = TypeVar("Item")


class Stage(Protocol[In, Out]):
    """One step. Called from one thread and owning none, so a test drives it with a list."""

    @property
    def name(self) -> str: ...

    def process(self, item: In) -> Iterable[Out]: ...

    def flush(self) -> Iterable[Out]:
        """The rest, when an utterance has ended; ready for the next one afterwards."""

    def interrupt(self, turn: int) -> None:
        """Forget the current utterance: what is processed from now on belongs to this newer turn."""


AnyStage = Stage[NoReturn, object]  # of whatever messages; who puts stages in a row knows which fit


def process_of(stage: AnyStage) -> Callable[[object], Iterable[object]]:
    """The stage's `process`, for a caller who knows no more of a message than that it fits."""
    return cast(Callable[[object], Iterable[object]], stage.process)


def interrupt_of(stage: AnyStage) -> Callable[[int], object]:
    """The stage's `interrupt`; one that was written for 0.1.0 is not told the turn."""
    interrupt: Callable[..., object] = stage.interrupt
    if signature(interrupt).parameters:
        return interrupt
    warnings.warn(
        f"stage '{stage.name}': interrupt() without the turn is deprecated; write interrupt(self, turn)",
        DeprecationWarning,
        stacklevel=2,
    )
    return lambda turn: interrupt()


class Gathered(Generic[Item]):
    """Items that wait until they are as many as one call takes; at an utterance's end, the rest of them."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._items: list[Item] = []

    def add(self, item: Item) -> list[Item]:
        """All that wait, where the item was the last one missing."""
        self._items.append(item)
        return self.take() if len(self._items) == self.size else []

    def take(self) -> list[Item]:
        """All that wait; nobody waits afterwards."""
        items, self._items = self._items, []
        return items
