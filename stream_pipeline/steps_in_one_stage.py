"""Several steps that run as one stage, on one thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ditto.stages.stage import AnyStage, process_of


class Chain:
    """Steps that each take what the one before gives. It goes by the name of the first."""

    def __init__(self, steps: Sequence[AnyStage]) -> None:
        self._steps = list(steps)
        self.name = self._steps[0].name

    def process(self, item: object) -> Iterable[object]:
        return self._through([item], 0)

    def flush(self) -> Iterator[object]:
        for number, step in enumerate(self._steps):
            yield from self._through(step.flush(), number + 1)

    def interrupt(self, turn: int) -> None:
        for step in self._steps:
            step.interrupt(turn)

    def _through(self, items: Iterable[object], first: int) -> Iterable[object]:
        """The items through the steps from number `first` on."""
        for step in self._steps[first:]:
            items = _each(step, items)
        return items


def _each(step: AnyStage, items: Iterable[object]) -> Iterator[object]:
    process = process_of(step)
    for item in items:
        yield from process(item)
