"""Several steps that run as one stage, on one thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ditto.stages.stage import Stage


class Chain:
    """What one step gives, the next one takes. It goes by the name of the first."""

    def __init__(self, steps: Sequence[Stage[Any, Any]]) -> None:
        self._steps = list(steps)
        self.name = self._steps[0].name

    def process(self, item: Any) -> Iterable[Any]:
        return self._through([item], 0)

    def flush(self) -> Iterator[Any]:
        for number, step in enumerate(self._steps):
            yield from self._through(step.flush(), number + 1)

    def interrupt(self) -> None:
        for step in self._steps:
            step.interrupt()

    def _through(self, items: Iterable[Any], first: int) -> Iterable[Any]:
        """The items through the steps from number `first` on."""
        for step in self._steps[first:]:
            items = _each(step, items)
        return items


def _each(step: Stage[Any, Any], items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        yield from step.process(item)
