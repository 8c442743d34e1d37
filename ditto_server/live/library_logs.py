"""Log of the libraries beneath the server: what any stranger can make them say is said once."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

OURS = ("cfg", "ditto", "ditto_server", "model_formats", "stream_pipeline")
SILENT_SECONDS = 3600.0  # after a line, for all of its kind
MAX_KINDS = 1000  # that are remembered; the one that was said longest ago makes room


@dataclass
class Kind:
    """Lines that differ in their particulars alone."""

    said: float  # when the last one was
    kept: int = 0  # since then


class OncePerKind(logging.Filter):
    """Lets one line of each kind pass in an hour, with the number of those that were kept back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._kinds: OrderedDict[tuple[str, int, str], Kind] = OrderedDict()  # the longest ago first

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] in OURS:
            return True
        key = record.name, record.levelno, str(record.msg).partition("\n")[0]
        now, kind = self._clock(), self._kinds.get(key)
        if kind is None:
            if len(self._kinds) == MAX_KINDS:
                self._kinds.popitem(last=False)
            self._kinds[key] = Kind(now)
            return True
        if now - kind.said < SILENT_SECONDS:
            kind.kept += 1
            return False
        if kind.kept:
            record.msg = f"{record.msg} (and {kind.kept} more like it)"
        kind.said, kind.kept = now, 0
        self._kinds.move_to_end(key)
        return True


def say_once_per_kind() -> None:
    """From now on, on all handlers of the log."""
    once = OncePerKind()
    for handler in logging.getLogger().handlers:
        handler.addFilter(once)
