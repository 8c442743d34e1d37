"""Several calls of a network run as one: the frames of a stream, or those of many sessions."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, cast

import numpy as np

from cfg.errors import ModelError
from model_formats.backend import Network, NetworkArray, Shape

Feeds = Mapping[str, NetworkArray]
Outputs = dict[str, NetworkArray]
BATCH_SIZES = (1, 2, 4, 8, 16)  # batches that are tried
MAX_CALL_SECONDS = 1.0  # seconds a call may take before no larger batch is tried


class Batch(NetworkArray, Protocol):
    """An array whose first axis counts calls."""

    def __getitem__(self, calls: slice, /) -> NetworkArray: ...


def run_many(network: Network, calls: Sequence[Feeds], size: int = 0) -> list[Outputs]:
    """The outputs of each call, from one run; `size` fills the batch up to so many, so that its shape,
    and with it every rounding, is always the same."""
    missing = max(0, size - len(calls))
    filled = [*calls, *[calls[-1]] * missing]
    feeds = {name: joined([call[name] for call in filled]) for name in calls[0]}
    outputs = network.run(feeds)
    for name, value in outputs.items():
        if value.shape[0] != len(filled):
            raise ModelError(f"output '{name}' is {tuple(value.shape)} for a batch of {len(filled)}")
    batches = {name: cast(Batch, value) for name, value in outputs.items()}
    return [{name: batch[n : n + 1] for name, batch in batches.items()} for n in range(len(calls))]


def joined(values: Sequence[NetworkArray]) -> NetworkArray:
    """Arrays of batch one as one array; on a device as soon as one of them is there."""
    if len(values) == 1:
        return values[0]
    there = next((value for value in values if hasattr(value, "new_empty")), None)
    if there is not None:
        import torch

        assert isinstance(there, torch.Tensor)
        return torch.cat([torch.as_tensor(value, device=there.device) for value in values])
    if isinstance(values[0], np.ndarray):
        return np.concatenate([np.asarray(value) for value in values])
    raise ModelError(f"a batch cannot be made of {type(values[0]).__name__}; run it with pack.batch 1")


def takes_batches(inputs: Mapping[str, Shape]) -> bool:
    """Whether the first axis of every input is open."""
    return all(shape and shape[0] is None for shape in inputs.values())


def quickest(seconds: Callable[[int], float], sizes: Sequence[int] = BATCH_SIZES) -> int:
    """The size at which a frame takes least time; `seconds` runs a batch. Larger must be worth it: 3 %."""
    best, least = sizes[0], float("inf")
    for size in sizes:
        took = seconds(size)
        if took / size < 0.97 * least:
            best, least = size, took / size
        if took > MAX_CALL_SECONDS:
            break
    return best


class _Group:
    """Calls that will run together."""

    def __init__(self, ends: float) -> None:
        self.calls: list[Feeds] = []
        self.ends = ends  # when it runs at the latest
        self.done = False
        self.results: list[Outputs] = []
        self.error: BaseException | None = None


class Batches:
    """A network whose calls are run several at once: a caller's own, or those of different sessions.

    Where calls are shared, the first of a group waits until the group is full or its time is up, and runs it
    for all. Calls while it runs form the next group.
    """

    def __init__(
        self, network: Network, size: int = 1, *, fixed: bool = True, wait: float | None = None
    ) -> None:
        """`size` calls at most in one run; `fixed` fills every batch up to so many.

        `wait` are seconds in which single calls wait for those of other sessions; None: each runs alone.
        """
        self._network = network
        self._size = size
        self._filled = size if fixed else 0
        self._wait = wait
        self._changed = threading.Condition()
        self._forming: _Group | None = None
        self.sizes: dict[int, int] = {}  # how often a shared batch of each size was run

    def many(self, calls: Sequence[Feeds]) -> list[Outputs]:
        """The outputs of each of a caller's own calls, from one run."""
        return run_many(self._network, calls, self._filled)

    def run(self, feeds: Feeds) -> Mapping[str, NetworkArray]:
        """The outputs of one call, alone or among those of other sessions."""
        return self._network.run(feeds) if self._wait is None else self._shared(feeds, self._wait)

    def _shared(self, feeds: Feeds, wait: float) -> Outputs:
        with self._changed:
            group = self._forming
            leads = group is None
            if group is None:
                group = self._forming = _Group(time.monotonic() + wait)
            place = len(group.calls)
            group.calls.append(feeds)
            if len(group.calls) == self._size:
                self._forming = None
                self._changed.notify_all()
            if leads:
                self._await_members(group)
            else:
                self._changed.wait_for(lambda: group.done)
        if leads:
            self._run(group)
        if group.error is not None:
            raise ModelError(str(group.error) or type(group.error).__name__) from group.error
        return group.results[place]

    def _await_members(self, group: _Group) -> None:
        while self._forming is group:
            left = group.ends - time.monotonic()
            if left <= 0:
                self._forming = None
                return
            self._changed.wait(left)

    def _run(self, group: _Group) -> None:
        try:
            group.results = self.many(group.calls)
        except BaseException as error:
            group.error = error
            if not isinstance(error, Exception):
                raise  # an interruption of this thread; the others must not wait for ever
        finally:
            with self._changed:
                self.sizes[len(group.calls)] = self.sizes.get(len(group.calls), 0) + 1
                group.done = True
                self._changed.notify_all()
