"""Bounded channel between two threads that always ends: delivered, or aborted."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Closed(Exception):
    """Nothing more will come: the writer closed the channel and all of it has been read."""


class Aborted(Exception):
    """The channel was torn down; what it held is gone."""


def never_stale(item: object) -> bool:
    return False


class Channel(Generic[Item]):
    """Up to `capacity` items; a full channel holds its writer back, an empty one its reader.

    `close` still delivers what is inside; `abort` wakes every waiting reader and writer at once.
    Items for which `is_stale` holds are dropped wherever they are met, on entry or on leaving.
    """

    def __init__(self, capacity: int, is_stale: Callable[[Item], bool] = never_stale) -> None:
        if capacity < 1:
            raise ValueError(f"a channel holds at least 1 item, not {capacity}")
        self.capacity = capacity
        self.deepest = 0
        self._is_stale = is_stale
        self._items: deque[Item] = deque()
        self._closed = False
        self._aborted = False
        lock = threading.Lock()
        self._readable = threading.Condition(lock)
        self._writable = threading.Condition(lock)

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Item, timeout: float | None = None) -> bool:
        """Hand over an item; False if it was stale. Waits while full, at most `timeout` seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        with self._writable:
            while True:
                self._check_open()
                if self._is_stale(item):
                    return False
                if len(self._items) < self.capacity:
                    break
                self._wait(self._writable, until, "a place")
            self._items.append(item)
            self.deepest = max(self.deepest, len(self._items))
            self._readable.notify()
            return True

    def room(self, count: int, timeout: float | None = None) -> None:
        """Waits until so many items fit, or more than ever fit and it is empty; for its only writer."""
        until = None if timeout is None else time.monotonic() + timeout
        with self._writable:
            while True:
                self._check_open()
                if not (count and self._items) or len(self._items) + count <= self.capacity:
                    return
                self._wait(self._writable, until, f"{count} places")

    def put_all(self, items: Sequence[Item]) -> None:
        """Hands over items that there is room for; stale ones are dropped. Never waits."""
        with self._readable:
            self._check_open()
            self._items.extend(item for item in items if not self._is_stale(item))
            self.deepest = max(self.deepest, len(self._items))
            self._readable.notify_all()

    def get(self, timeout: float | None = None) -> Item:
        """The next item. Waits while empty; raises Closed at the end, TimeoutError after `timeout`."""
        until = None if timeout is None else time.monotonic() + timeout
        with self._readable:
            while True:
                if self._aborted:
                    raise Aborted
                while self._items:
                    item = self._items.popleft()
                    self._writable.notify_all()
                    if not self._is_stale(item):
                        return item
                if self._closed:
                    raise Closed
                self._wait(self._readable, until, "an item")

    def __iter__(self) -> Iterator[Item]:
        while True:
            try:
                item = self.get()
            except Closed:
                return
            yield item

    def close(self) -> None:
        """No more items; those inside are still delivered."""
        with self._readable:
            self._closed = True
            self._readable.notify_all()
            self._writable.notify_all()

    def abort(self) -> None:
        """End now: whoever waits here is woken with Aborted, what is inside is dropped."""
        with self._readable:
            self._aborted = True
            self._items.clear()
            self._readable.notify_all()
            self._writable.notify_all()

    def drop_stale(self) -> None:
        """Throw out what has become stale and let waiting writers look again."""
        with self._readable:
            fresh = [item for item in self._items if not self._is_stale(item)]
            self._items.clear()
            self._items.extend(fresh)
            self._writable.notify_all()

    def _check_open(self) -> None:
        if self._aborted:
            raise Aborted
        if self._closed:
            raise ValueError("put on a closed channel")

    @staticmethod
    def _wait(condition: threading.Condition, until: float | None, what: str) -> None:
        left = None if until is None else until - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError(f"no {what} in the channel in time")
        condition.wait(None if left is None else min(left, threading.TIMEOUT_MAX))
