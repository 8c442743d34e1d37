"""TensorRT engines, also those of TensorRT for RTX. Not run on a GPU yet: tested against a fake runtime.

An engine belongs to the TensorRT version, and mostly to the kind of GPU, it was built with. What
builds one here leaves a stamp beside it, so that the wrong one is named before it is loaded.
"""

from __future__ import annotations

import json
import math
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Protocol

import numpy as np
import numpy.typing as npt

from cfg.atomic_write import write_whole
from cfg.errors import ModelError
from model_formats.backend import NetworkArray, Precision, Shape, check_feeds
from model_formats.cuda_memory import CudaMemory, DeviceArray, DeviceMemory
from model_formats.tensorrt_library import LIBRARIES, find_library, listener

REBUILD = "rebuild it: scripts/cvt_onnx_to_trt.py"


@dataclass(frozen=True)
class Stamp:
    """Record of what an engine was built with and for."""

    library: str  # tensorrt or tensorrt_rtx
    version: str
    gpu: str
    capability: str | None  # "9.0", "8.0+" for that and all newer ones, None for any GPU
    precision: str = "stored"  # fp16 or fp32
    driver: str = ""  # of the machine it was built on
    model: str = ""  # SHA-256 of the graph it was built from
    recipe: str = ""  # sizes, tactics and whatever else it was built with

    def write(self, engine: Path) -> None:
        write_whole(stamp_of(engine), json.dumps(asdict(self), indent=1) + "\n")


def stamp_of(engine: Path) -> Path:
    """decoder.engine.json, beside the engine."""
    return engine.with_name(engine.name + ".json")


def read_stamp(engine: Path) -> Stamp | None:
    """The stamp beside an engine; None if it has none, as engines built elsewhere do."""
    path = stamp_of(engine)
    if not path.exists():
        return None
    try:
        return Stamp(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise ModelError(f"{path} is damaged ({error}); {REBUILD}") from error


def open_engine(
    path: Path, device: str = "cuda", precision: Precision = "stored", *, keep_on_device: bool = False
) -> EngineFile:
    """An engine on a GPU, run by whichever TensorRT is installed."""
    kind, _, index = device.partition(":")
    if kind != "cuda" or not (index or "0").isdecimal():
        raise ModelError(f"{path.name} is a TensorRT engine and runs on a GPU only, not on '{device}'")
    stamp = read_stamp(path)
    stored = stamp.precision if stamp else "stored"
    if precision not in ("stored", stored):
        has = f" ({stored})" if stored != "stored" else ""
        raise ModelError(f"{path.name} keeps the precision it was built with{has}; for {precision} {REBUILD}")
    library = find_library((stamp.library,) if stamp else LIBRARIES, path.name)
    return EngineFile(path, library, CudaMemory(int(index or 0)), keep_on_device=keep_on_device)


def check_stamp(path: Path, library: ModuleType, memory: DeviceMemory) -> None:
    """Raises ModelError if the engine was built by another version or for another kind of GPU."""
    stamp = read_stamp(path)
    if stamp is None:
        return
    if stamp.version != library.__version__:
        raise ModelError(
            f"{path.name} was built for TensorRT {stamp.version}, this is {library.__version__}; {REBUILD}"
        )
    if not runs_on(stamp.capability, memory.capability):
        raise ModelError(
            f"{path.name} was built for {stamp.gpu} (compute capability {stamp.capability}), "
            f"this is {memory.name} ({memory.capability}); {REBUILD}"
        )


def runs_on(built_for: str | None, capability: str) -> bool:
    """Whether a GPU of that compute capability may load an engine built for another or the same."""
    if built_for is None:
        return True
    if built_for.endswith("+"):
        return _number(capability) >= _number(built_for[:-1])
    return built_for == capability


def _number(capability: str) -> tuple[int, int]:
    major, _, minor = capability.partition(".")
    return int(major), int(minor or 0)


class Context(Protocol):
    """Runs an engine, as TensorRT has it."""

    def set_input_shape(self, name: str, shape: Sequence[int], /) -> bool: ...

    def get_tensor_shape(self, name: str, /) -> Sequence[int]: ...

    def set_tensor_address(self, name: str, address: int, /) -> bool: ...

    def execute_async_v3(self, stream: int, /) -> bool: ...


class Engine(Protocol):
    """A network that TensorRT has read."""

    num_io_tensors: int

    def create_execution_context(self) -> Context | None: ...

    def get_tensor_name(self, place: int, /) -> str: ...

    def get_tensor_mode(self, name: str, /) -> object: ...

    def get_tensor_shape(self, name: str, /) -> Sequence[int]: ...

    def get_tensor_dtype(self, name: str, /) -> object: ...

    def get_tensor_profile_shape(self, name: str, profile: int, /) -> Sequence[Sequence[int]]: ...


class EngineFile:
    """A TensorRT network with buffers allocated once, for the largest shapes it accepts."""

    def __init__(
        self, path: Path, library: ModuleType, memory: DeviceMemory, *, keep_on_device: bool = False
    ) -> None:
        self._path = path
        self._memory = memory
        self._keep = keep_on_device
        self._closed = False
        self._running = threading.Lock()  # sessions share the context and its buffers
        check_stamp(path, library, memory)
        self._engine = self._loaded(library)
        context = self._engine.create_execution_context()
        if context is None:
            raise ModelError(f"{path.name}: not enough GPU memory on {memory.name} to run it")
        self._context = context
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        is_input = {n: self._engine.get_tensor_mode(n) == library.TensorIOMode.INPUT for n in names}
        declared = {n: fixed(tuple(self._engine.get_tensor_shape(n))) for n in names}
        self._inputs = {n: declared[n] for n in names if is_input[n]}
        self._outputs = {n: declared[n] for n in names if not is_input[n]}
        self._dtypes = {n: self._dtype(library, n) for n in names}
        self._sizes = self._largest()
        self._addresses = {n: memory.allocate(self._sizes[n]) for n in self._inputs}
        self._spare: dict[str, list[int]] = {n: [] for n in self._outputs}

    def _dtype(self, library: ModuleType, name: str) -> np.dtype[np.generic]:
        kind = self._engine.get_tensor_dtype(name)
        try:
            dtype: np.dtype[np.generic] = np.dtype(library.nptype(kind))
        except TypeError as error:
            raise ModelError(f"{self._path.name}: '{name}' is of type {kind}, which NumPy lacks") from error
        return dtype

    def _loaded(self, library: ModuleType) -> Engine:
        self._words = listener(library)
        self._runtime = library.Runtime(self._words)
        engine: Engine | None = self._runtime.deserialize_cuda_engine(self._path.read_bytes())
        if engine is None:
            raise ModelError(
                f"{self._path.name} cannot be loaded by TensorRT {library.__version__} on "
                f"{self._memory.name} ({self._words.said()}); {REBUILD}"
            )
        return engine

    def _largest(self) -> dict[str, int]:
        """Bytes of every tensor at the largest shapes of the engine's first profile."""
        for name, shape in self._inputs.items():
            if None in shape:
                self._context.set_input_shape(name, self._engine.get_tensor_profile_shape(name, 0)[2])
        return {name: self._bytes(name) for name in (*self._inputs, *self._outputs)}

    def _shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._context.get_tensor_shape(name))

    def _bytes(self, name: str) -> int:
        return math.prod(self._shape(name)) * int(self._dtypes[name].itemsize)

    @property
    def inputs(self) -> Mapping[str, Shape]:
        return self._inputs

    @property
    def outputs(self) -> Mapping[str, Shape]:
        return self._outputs

    def run(self, feeds: Mapping[str, NetworkArray]) -> dict[str, NetworkArray]:
        """NumPy or GPU arrays in; NumPy arrays out, or GPU arrays if they are kept there."""
        check_feeds(self._path, self._inputs, feeds)
        with self._running:
            if self._closed:
                raise ModelError(f"{self._path.name} is closed")
            return self._run(feeds)

    def _run(self, feeds: Mapping[str, NetworkArray]) -> dict[str, NetworkArray]:
        self._memory.select()
        held = [self._place(name, feeds[name]) for name in self._inputs]
        made = {name: self._spare[name].pop() if self._spare[name] else None for name in self._outputs}
        results = {n: self._memory.allocate(self._sizes[n]) if a is None else a for n, a in made.items()}
        for name, address in results.items():
            self._context.set_tensor_address(name, address)
        if not self._context.execute_async_v3(self._memory.stream):
            for name, address in results.items():
                self._spare[name].append(address)
            raise ModelError(f"{self._path.name} failed in TensorRT: {self._words.said()}")
        arrays = {name: self._result(name, address) for name, address in results.items()}
        self._memory.wait()
        del held  # host copies must outlive their transfer
        return arrays

    def place(self, name: str, array: npt.ArrayLike) -> DeviceArray:
        """An input in the GPU's memory, where it may be fed from again; freed when it is dropped."""
        ready = np.ascontiguousarray(array, self._dtypes[name])
        self._memory.select()
        address = self._memory.allocate(ready.nbytes)
        held = DeviceArray(address, ready.shape, ready.dtype)
        weakref.finalize(held, self._memory.free, address).atexit = False
        self._memory.upload(address, ready)
        self._memory.wait()
        return held

    def _place(self, name: str, array: NetworkArray) -> NetworkArray:
        """Hands one input to the network; gives what must be kept until it has run."""
        if None in self._inputs[name] and not self._context.set_input_shape(name, tuple(array.shape)):
            raise ModelError(
                f"{self._path.name} was not built for '{name}' of shape {tuple(array.shape)}; "
                f"{REBUILD} --range (or --batch)"
            )
        there = getattr(array, "__cuda_array_interface__", None)
        if there is None:
            ready = np.ascontiguousarray(array, self._dtypes[name])
            self._memory.upload(self._addresses[name], ready)
            self._context.set_tensor_address(name, self._addresses[name])
            return ready
        if there["typestr"] != self._dtypes[name].str or there.get("strides") is not None:
            raise ModelError(
                f"{self._path.name}: '{name}' must be a contiguous {self._dtypes[name]} array on the GPU"
            )
        if not isinstance(array, DeviceArray):  # those were finished before they were handed out
            self._memory.wait_for_others()
        self._context.set_tensor_address(name, there["data"][0])
        return array

    def _result(self, name: str, address: int) -> NetworkArray:
        if self._keep:
            kept = DeviceArray(address, self._shape(name), self._dtypes[name])
            weakref.finalize(kept, self._give_back, name, address).atexit = False
            return kept
        array = np.empty(self._shape(name), self._dtypes[name])
        self._memory.download(array, address)
        self._spare[name].append(address)
        return array

    def _give_back(self, name: str, address: int) -> None:
        if self._closed:
            self._memory.free(address)
        else:
            self._spare[name].append(address)

    def close(self) -> None:
        """Frees everything but results that are still held; those free themselves when dropped."""
        with self._running:
            if self._closed:
                return
            self._closed = True
            for address in (*self._addresses.values(), *(a for spare in self._spare.values() for a in spare)):
                self._memory.free(address)
            self._spare.clear()
            del self._context, self._engine  # in this order
            self._memory.close()


def fixed(shape: tuple[int, ...]) -> Shape:
    """TensorRT's -1 as None."""
    return tuple(None if n < 0 else n for n in shape)
