"""Times that each stage worked and waited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WAITING, WORKING, BLOCKED = "waiting for input", "working", "blocked on output"
ENDED = "ended"


@dataclass(slots=True)
class StageMetrics:
    """Counts of one stage, written by its thread alone."""

    name: str
    items: int = 0  # messages taken in
    results: int = 0  # messages given out
    busy: float = 0.0  # seconds at work
    starved: float = 0.0  # seconds waiting for input
    blocked: float = 0.0  # seconds waiting for a place to put a result
    queue: int = 0  # most messages ever waiting in front of it
    state: str = "not begun"  # what it does now: one of the three below, or how it ended
    since: float | None = None  # when that began, on the performance counter
    at: object = ""  # the message it works on, or worked on last


def table(metrics: Sequence[StageMetrics]) -> str:
    """The metrics as aligned text, one stage a line; the slowest stage is marked."""
    slowest = max((m.busy for m in metrics), default=0.0)
    heads = ("in", "out", "busy s", "ms/out", "starved", "blocked", "queue")
    widths = (8, 8, 10, 9, 10, 10, 7)
    lines = [f"{'stage':<18}" + "".join(f"{h:>{w}}" for h, w in zip(heads, widths, strict=True))]
    for m in metrics:
        each = 1000 * m.busy / m.results if m.results else 0.0
        mark = "  < slowest" if m.busy == slowest and slowest > 0 else ""
        lines.append(
            f"{m.name:<18}{m.items:>8}{m.results:>8}{m.busy:>10.3f}{each:>9.2f}"
            f"{m.starved:>10.3f}{m.blocked:>10.3f}{m.queue:>7}{mark}"
        )
    return "\n".join(lines)
