"""Cost of the threads: stages of known cost, against what the slowest of them allows.

Prints throughput as a share of the slowest stage's, and the time from an interruption to the first
new picture against its bound: the sum of the stages' costs and one more of the slowest.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stream_pipeline.pipeline import Pipeline

COSTS = (1, 1, 2, 4, 1, 10, 8, 3, 2)  # milliseconds, one a stage


@dataclass(frozen=True, slots=True)
class Item:
    turn: int
    index: int


class Costs:
    """A stage that takes so many milliseconds for each item."""

    def __init__(self, name: str, milliseconds: float) -> None:
        self.name = name
        self._seconds = milliseconds / 1000

    def process(self, item: Item) -> Iterator[Item]:
        time.sleep(self._seconds)
        yield item

    def flush(self) -> tuple[Item, ...]:
        return ()

    def interrupt(self, turn: int) -> None:
        """Nothing is remembered."""


def stages() -> list[Costs]:
    return [Costs(f"stage {number}", cost) for number, cost in enumerate(COSTS, 1)]


def throughput(count: int) -> float:
    """Share of the slowest stage's speed that the whole line reaches, start and end not counted."""
    feed = (Item(0, index) for index in range(count))
    with Pipeline(stages(), feed=feed) as pipeline:
        pipeline.get()
        began = time.perf_counter()
        left = sum(1 for _ in pipeline.results())
        took = time.perf_counter() - began
    alone = Costs("alone", max(COSTS))
    began = time.perf_counter()
    for _ in range(left):
        list(alone.process(Item(0, 0)))
    return (time.perf_counter() - began) / took


def interruption() -> float:
    """Seconds from an interruption under full queues to the first picture of the new turn."""
    with Pipeline(stages()) as pipeline:
        index = 0
        full_until = time.perf_counter() + 0.5
        while time.perf_counter() < full_until:
            try:
                pipeline.push(Item(0, index), timeout=0.01)
                index += 1
            except TimeoutError:
                pipeline.get()
        began = time.perf_counter()
        turn = pipeline.interrupt()
        pipeline.push(Item(turn, 0))
        first = pipeline.get(10)
        assert isinstance(first, Item) and first.turn == turn
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--items", type=int, default=300)
    parser.add_argument("--json", metavar="FILE")
    parsed = parser.parse_args()
    shares = [throughput(parsed.items) for _ in range(parsed.runs)]
    delays = [interruption() for _ in range(parsed.runs)]
    bound = (sum(COSTS) + max(COSTS)) / 1000
    found = {
        "throughput_share": statistics.median(shares),
        "interruption_ms": 1000 * statistics.median(delays),
        "interruption_share_of_bound": statistics.median(delays) / bound,
    }
    print(f"throughput: {found['throughput_share']:.3f} of the slowest stage's (at least 0.95 is wanted)")
    print(
        f"interruption to first new picture: {found['interruption_ms']:.1f} ms, "
        f"{found['interruption_share_of_bound']:.2f} of the bound {1000 * bound:.0f} ms"
    )
    if parsed.json:
        Path(parsed.json).write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
