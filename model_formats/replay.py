"""Calls of a network recorded once and replayed: on a GPU, one launch in place of hundreds.

Not run on a GPU yet: the bookkeeping is tested against a recorder that runs on the processor.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from cfg.errors import ModelError

Outputs = tuple[Tensor, ...]
WARM_UPS = 3  # calls in which libraries choose their kernels, before one is recorded
RECORDING = threading.Lock()  # PyTorch allows one recording at a time in a process; stages are on threads


class Recorder(Protocol):
    """Turns a call into something that can be replayed."""

    def record(self, call: Callable[[], Outputs]) -> tuple[Callable[[], None], Outputs]:
        """A function that repeats the call, and the tensors that it writes into every time."""


class CudaRecorder:
    """Records CUDA graphs. They share memory, so one of them may run at a time."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream: torch.cuda.Stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    def record(self, call: Callable[[], Outputs]) -> tuple[Callable[[], None], Outputs]:
        with torch.cuda.device(self._device):
            self._warm_up(call)
            graph = torch.cuda.CUDAGraph()
            # What other threads do meanwhile does not concern this recording: "thread_local".
            recording = torch.cuda.graph(graph, self._pool, self._stream, capture_error_mode="thread_local")
            with recording:
                made = call()

        def replay() -> None:
            with torch.cuda.device(self._device):  # each thread has a current one
                graph.replay()

        return replay, made

    def _warm_up(self, call: Callable[[], Outputs]) -> None:
        here = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(here)
        with torch.cuda.stream(self._stream):
            for _ in range(WARM_UPS):
                call()
        here.wait_stream(self._stream)


@dataclass
class _Recording:
    """One recorded call: where it reads, where it writes, and what it was last given."""

    buffers: list[Tensor]
    replay: Callable[[], None]
    outputs: Outputs
    given: list[Tensor]


class Replayed:
    """A function of tensors, recorded for each set of shapes it is called with.

    A tensor that is fed again is taken as unchanged; whoever changes one in place feeds another.
    """

    def __init__(self, name: str, function: Callable[..., Outputs], recorder: Recorder) -> None:
        self._name = name
        self._function = function
        self._recorder = recorder
        self._recordings: dict[tuple[object, ...], _Recording] = {}
        self._running = threading.Lock()  # buffers are shared by all callers

    def __call__(self, *given: Tensor) -> Outputs:
        """Results in memory of their own, which the next call does not write to."""
        shapes = tuple((tensor.shape, tensor.dtype) for tensor in given)
        with self._running:
            recording = self._recordings.get(shapes)
            if recording is None:
                recording = self._recordings[shapes] = self._recorded(given)
            for place, tensor in enumerate(given):
                if tensor is not recording.given[place]:
                    recording.buffers[place].copy_(tensor, non_blocking=True)
                    recording.given[place] = tensor
            recording.replay()
            return tuple(output.clone() for output in recording.outputs)

    def _recorded(self, given: Sequence[Tensor]) -> _Recording:
        buffers = [tensor.clone() for tensor in given]
        try:
            with RECORDING:
                replay, outputs = self._recorder.record(lambda: self._function(*buffers))
        except RuntimeError as error:
            words = str(error).partition("\n")[0]
            raise ModelError(
                f"{self._name} cannot be recorded as a CUDA graph ({words}); "
                "set pack.graphs to false to run it step by step"
            ) from error
        return _Recording(buffers, replay, outputs, list(given))
