"""What every one of the nine stages looks like from outside."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)


class Stage(Protocol[In, Out]):
    """One step. Called from one thread and owning none, so a test drives it with a list."""

    @property
    def name(self) -> str: ...

    def process(self, item: In) -> Iterable[Out]: ...

    def flush(self) -> Iterable[Out]:
        """What is still owed when an utterance has ended; ready for the next one afterwards."""

    def interrupt(self) -> None:
        """Forget the current utterance: a newer turn has begun."""
