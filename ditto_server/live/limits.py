"""Limits on one server, one session and one visitor."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from cfg.errors import ConfigError

MAX_ADDRESSES = 4096  # of visitors whose requests are counted
MAX_SHARE = 0.9  # of the processor that sessions may take
FIRST_COST = 0.3  # cores that a session takes, before any was measured
LISTENED_AT_ONCE = 10.0  # seconds of sound


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Sizes, rates and durations; what is above them is refused with a reason."""

    max_sessions: int | None = None  # at once; None: as many as the processor is measured to carry
    keep_seconds: float = 30.0  # a session whose last connection was lost
    idle_seconds: float = 15 * 60.0  # without a command, sound or speech
    session_seconds: float = 4 * 3600.0
    connect_seconds: float = 20.0  # from an answer to media that flow
    silent_seconds: float = 10.0  # of a viewer that says nothing of what it receives: it has gone
    request_seconds: float = 15.0  # in which a request must have come
    unread_seconds: float = 20.0  # in which a visitor must read what it is sent
    connections: int = 16  # of one session
    body_bytes: int = 64 * 1024  # of a request
    message_bytes: int = 1024 * 1024  # of a WebSocket message
    text_letters: int = 4000  # to say at once
    texts_waiting: int = 20
    commands_per_second: float = 50.0  # of one connection
    offers_per_minute: float = 60.0  # of WebRTC, of one session
    listened_per_second: float = 2.0  # seconds of sound that are listened to
    sessions_per_minute: float = 30.0  # of one visitor
    retry_seconds: int = 10  # told to who is refused for want of room

    def __post_init__(self) -> None:
        if self.max_sessions is not None and self.max_sessions < 1:
            raise ConfigError(f"max_sessions is {self.max_sessions}, but must be at least 1, or 'auto'")


class Bucket:
    """So many in one go, and so many a second after that."""

    def __init__(self, rate: float, size: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._size, self._clock = rate, size, clock
        self._left, self._at = size, clock()

    def take(self, count: float = 1.0) -> bool:
        """Whether there was room for it."""
        now = self._clock()
        self._left = min(self._size, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < count:
            return False
        self._left -= count
        return True


class Buckets:
    """One for each visitor, by address; the longest unseen is forgotten first."""

    def __init__(self, rate: float, size: float) -> None:
        self._rate, self._size = rate, size
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, address: str) -> bool:
        bucket = self._buckets.pop(address, None) or Bucket(self._rate, self._size)
        self._buckets[address] = bucket
        if len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        return bucket.take()


def listening(limits: Limits) -> Bucket:
    """Seconds of sound that may be listened to."""
    return Bucket(limits.listened_per_second, LISTENED_AT_ONCE)


def in_words(seconds: float) -> str:
    return f"{seconds / 3600:g} hours" if seconds >= 3600 else f"{seconds:g} seconds"


class Admission:
    """Whether one more session fits, by number or by what the processor is measured to do."""

    def __init__(
        self,
        limit: int | None,
        cores: int | None = None,
        used: Callable[[], float] = time.process_time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._cores = cores or available_cores()
        self._used, self._clock = used, clock
        self._at, self._had = clock(), used()
        self.load = 0.0  # cores in use
        self._refused = 0  # since the beginning
        self._reason: str | None = None  # of the last time
        self._refused_at = 0.0

    def measure(self) -> None:
        """Takes the load since the last time; called every few seconds."""
        now, used = self._clock(), self._used()
        if now > self._at:
            self.load = (used - self._had) / (now - self._at)
        self._at, self._had = now, used

    def refusal(self, sessions: int, behind: int) -> str | None:
        """The reason why another session is refused; `behind` of them have stepped down already."""
        reason = self._judged(sessions, behind)
        if reason is not None:
            self._refused += 1
            self._reason, self._refused_at = reason, self._clock()
        return reason

    @property
    def figures(self) -> dict[str, object]:
        since = None if self._reason is None else round(self._clock() - self._refused_at, 1)
        return {
            "max_sessions": self._limit,
            "cores": self._cores,
            "cores_busy": round(self.load, 2),
            "refused": self._refused,
            "last_refusal": self._reason,
            "seconds_since_refusal": since,
        }

    def _judged(self, sessions: int, behind: int) -> str | None:
        if self._limit is not None:
            if sessions < self._limit:
                return None
            noun = "session is" if sessions == 1 else "sessions are"
            return f"{sessions} {noun} open, and this server takes no more at once"
        if behind:
            return f"{behind} of {sessions} sessions are short of processor time already"
        if sessions and self.load + max(FIRST_COST / 2, self.load / sessions) > MAX_SHARE * self._cores:
            return f"{sessions} sessions keep {self.load:.1f} of {self._cores} cores busy; no other would fit"
        return None


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
