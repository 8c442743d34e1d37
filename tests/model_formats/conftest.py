"""A tiny network in every format, and a runtime that pretends to be TensorRT."""

from __future__ import annotations

import ctypes
import importlib.util
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from model_formats.backend import TorchNetwork

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="session")
def seeded_pth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """A .pth file of an official network, by role, filled as those of the reference numbers."""
    torch = pytest.importorskip("torch")
    from ditto.networks.checkpoint import NETWORKS

    spec = importlib.util.spec_from_file_location("golden_rules", GOLDEN / "conftest.py")
    assert spec is not None and spec.loader is not None
    rules = sys.modules["golden_rules"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rules)
    tensors = json.loads((GOLDEN / "data" / "manifest.json").read_text())["models"]
    folder = tmp_path_factory.mktemp("seeded")

    def written(role: str) -> Path:
        path = folder / f"{role}.pth"
        if path.exists():
            return path
        shapes = {entry["name"]: tuple(entry["shape"]) for entry in tensors[role]["tensors"]}
        rotary = (1.0 / 10000 ** (np.arange(256) * 2 / 512)).astype(np.float32)
        arrays = rules.fill(shapes) | {key: rotary for key in shapes if key.endswith("freqs")}
        official = NETWORKS[role]
        named = {official.prefix + key: torch.from_numpy(np.asarray(a)) for key, a in arrays.items()}
        torch.save({official.key: named} if official.key else named, path)
        return path

    yield written
    shutil.rmtree(folder)  # 0.7 GB


@pytest.fixture
def tiny() -> Any:
    """What a pack hands in for a .pth file: two inputs, two outputs."""
    torch = pytest.importorskip("torch")
    from model_formats.torch_file import read_weights

    class Tiny(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mix = torch.nn.Linear(4, 4)

        def forward(self, a: Any, b: Any) -> Any:
            mixed = self.mix(a)
            return mixed + b, mixed * b

    def load(path: Path) -> Any:
        module = Tiny()
        module.load_state_dict(read_weights(path))
        return module

    shape = (2, 4)
    network = TorchNetwork(load, {"a": shape, "b": shape}, {"sum": shape, "product": shape})
    return SimpleNamespace(network=network, build=Tiny)


@pytest.fixture
def pth(tiny: Any, tmp_path: Path) -> Path:
    import torch

    torch.manual_seed(0)
    path = tmp_path / "tiny.pth"
    torch.save(tiny.build().state_dict(), path)
    return path


@pytest.fixture
def onnx_file(tiny: Any, pth: Path, tmp_path: Path) -> Path:
    import torch

    from model_formats.export import export_onnx

    path = tmp_path / "tiny.onnx"
    example = [torch.zeros(2, 4), torch.zeros(2, 4)]
    export_onnx(tiny.network.load(pth), path, ["a", "b"], ["sum", "product"], example)
    return path


@pytest.fixture
def feeds() -> dict[str, np.ndarray]:
    return {
        "a": np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4),
        "b": np.linspace(2, 3, 8, dtype=np.float32).reshape(2, 4),
    }


class Memory:
    """GPU memory on the host: addresses are keys of a table of bytes."""

    name = "Imaginary GPU"
    capability = "9.0"
    stream = 7

    def __init__(self) -> None:
        self.held: dict[int, bytearray] = {}
        self.allocations = 0
        self.settled = 0
        self.closed = False

    def select(self) -> None:
        pass

    def allocate(self, size: int) -> int:
        self.allocations += 1
        self.held[self.allocations * 4096] = bytearray(size)
        return self.allocations * 4096

    def free(self, address: int) -> None:
        del self.held[address]

    def upload(self, address: int, array: np.ndarray) -> None:
        self.held[address][: array.nbytes] = array.tobytes()

    def download(self, array: np.ndarray, address: int) -> None:
        array[...] = self.read(address, array.shape, array.dtype)

    def read(self, address: int, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        return np.frombuffer(self.held[address], dtype, int(np.prod(shape))).reshape(shape)

    def wait_for_others(self) -> None:
        self.settled += 1

    def wait(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


class Context:
    """Doubles `x`, of any row count up to 4, into `y`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._rows = -1
        self._at: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self._rows = shape[0]
        return shape[0] <= 4

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return (self._rows, 3)

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._at[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        assert stream == self._memory.stream
        x = self._memory.read(self._at["x"], (self._rows, 3), np.dtype(np.float32))
        self._memory.upload(self._at["y"], 2 * x)
        return True


class Engine:
    num_io_tensors = 2

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def create_execution_context(self) -> Context:
        return Context(self._memory)

    def get_tensor_name(self, index: int) -> str:
        return "xy"[index]

    def get_tensor_mode(self, name: str) -> str:
        return {"x": "in", "y": "out"}[name]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return (-1, 3)

    def get_tensor_dtype(self, name: str) -> str:
        return "FLOAT"

    def get_tensor_profile_shape(self, name: str, profile: int) -> list[tuple[int, ...]]:
        return [(1, 3), (2, 3), (4, 3)]


class ILogger:
    Severity = SimpleNamespace(INTERNAL_ERROR=0, ERROR=1, WARNING=2)

    def log(self, severity: int, message: str) -> None:
        raise NotImplementedError


class Runtime:
    """CUDA's runtime on a machine whose GPU is the processor: the functions that are called, and no more."""

    cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2)
    stream = 7  # where the pretended engines expect their work

    def __init__(self) -> None:
        self.held: dict[int, Any] = {}

    def cudaGetDeviceCount(self) -> tuple[int, int]:
        return 0, 1

    def cudaSetDevice(self, index: int) -> tuple[int]:
        return (0,)

    def cudaGetDeviceProperties(self, index: int) -> tuple[int, Any]:
        return 0, SimpleNamespace(name=b"Imaginary GPU", major=9, minor=0)

    def cudaDriverGetVersion(self) -> tuple[int, int]:
        return 0, 12040

    def cudaStreamCreate(self) -> tuple[int, int]:
        return 0, self.stream

    def cudaStreamDestroy(self, stream: int) -> tuple[int]:
        return (0,)

    def cudaStreamSynchronize(self, stream: int) -> tuple[int]:
        return (0,)

    def cudaMalloc(self, size: int) -> tuple[int, int]:
        buffer = ctypes.create_string_buffer(size)
        self.held[ctypes.addressof(buffer)] = buffer
        return 0, ctypes.addressof(buffer)

    def cudaFree(self, address: int) -> tuple[int]:
        del self.held[address]
        return (0,)

    def cudaMemcpyAsync(self, to: int, source: int, size: int, kind: int, stream: int) -> tuple[int]:
        ctypes.memmove(to, source, size)
        return (0,)

    def read(self, address: int, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        return np.frombuffer(self.held[address], dtype, int(np.prod(shape))).reshape(shape)

    def upload(self, address: int, array: np.ndarray) -> None:
        ctypes.memmove(address, np.ascontiguousarray(array).ctypes.data, array.nbytes)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """That machine."""
    runtime = Runtime()
    bindings = SimpleNamespace(runtime=runtime)
    monkeypatch.setitem(sys.modules, "cuda", SimpleNamespace(bindings=bindings))
    monkeypatch.setitem(sys.modules, "cuda.bindings", bindings)
    return runtime


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def tensorrt(memory: Memory) -> Any:
    """The names of the `tensorrt` module that a loaded engine needs; it accepts files of b"plan"."""
    return loading(memory)


def loading(memory: Any) -> Any:
    class Loader:
        def __init__(self, logger: ILogger) -> None:
            self._logger = logger

        def deserialize_cuda_engine(self, plan: bytes) -> Engine | None:
            if plan == b"plan":
                return Engine(memory)
            self._logger.log(ILogger.Severity.WARNING, "a remark")
            self._logger.log(ILogger.Severity.ERROR, "magic tag does not match")
            return None

    return SimpleNamespace(
        __version__="10.3.0",
        ILogger=ILogger,
        Runtime=Loader,
        TensorIOMode=SimpleNamespace(INPUT="in", OUTPUT="out"),
        nptype=lambda dtype: {"FLOAT": np.float32}[dtype],
    )


class Builder:
    """Reads graphs as one version of TensorRT would, and builds plans that say what was asked for."""

    def __init__(self, library: Any) -> None:
        self.library = library
        self.config = SimpleNamespace(
            flags={"TF32"},
            profiles=[],
            clear_flag=lambda flag: self.config.flags.discard(flag),
            set_flag=lambda flag: self.config.flags.add(flag),
            add_optimization_profile=lambda profile: self.config.profiles.append(profile),
            set_memory_pool_limit=lambda pool, size: setattr(self.config, "workspace", size),
            create_timing_cache=lambda known: SimpleNamespace(serialize=lambda: known + b"+"),
            set_timing_cache=lambda cache, mismatch: setattr(self.config, "cache", cache),
            get_timing_cache=lambda: self.config.cache,
        )
        self.network: Any = None

    def create_network(self, flags: int) -> Any:
        self.network = SimpleNamespace(flags=flags, num_layers=0, layers=[])
        self.network.get_layer = lambda i: self.network.layers[i]
        return self.network

    def create_builder_config(self) -> Any:
        return self.config

    def create_optimization_profile(self) -> Any:
        profile = SimpleNamespace(shapes={})
        profile.set_shape = lambda name, *shapes: profile.shapes.__setitem__(name, shapes)
        return profile

    def build_serialized_network(self, network: Any, config: Any) -> bytes | None:
        if monitor := getattr(config, "progress_monitor", None):
            monitor.phase_start("Building", None, 2)
            monitor.phase_start("Timing", "Building", 9)
            for step in range(2):
                assert monitor.step_complete("Building", step)
            monitor.phase_finish("Building")
        return b"plan" if network.layers else None


class Parser:
    """Refuses what that version's parser refuses."""

    def __init__(self, network: Any, library: Any) -> None:
        self._network = network
        self._library = library
        self._faults: list[str] = []

    def parse(self, data: bytes) -> bool:
        import onnx

        model = onnx.shape_inference.infer_shapes(onnx.load_from_string(data))
        newest = 22 if self._library.typed else 17
        if model.opset_import[0].version > newest:
            self._faults.append(f"opset {model.opset_import[0].version} is not supported")
        kinds = {v.name: v.type.tensor_type for v in (*model.graph.value_info, *model.graph.output)}
        values = (*model.graph.input, *model.graph.value_info)
        ranks = {v.name: len(v.type.tensor_type.shape.dim) for v in values}
        for node in model.graph.node:
            if node.domain or node.op_type == "GridSample3D":
                self._faults.append(f"no importer for {node.op_type}")
            if node.op_type == "GridSample" and ranks.get(node.input[0]) == 5 and not self._library.volumes:
                self._faults.append("GridSample of rank 5")
            self._network.layers.append(_Layer(node, kinds, self._library))
        self._network.num_layers = len(self._network.layers)
        return not self._faults

    @property
    def num_errors(self) -> int:
        return len(self._faults)

    def get_error(self, index: int) -> str:
        return self._faults[index]


class _Layer:
    precision: Any = None

    def __init__(self, node: Any, kinds: Any, library: Any) -> None:
        self.name = node.name
        self.type = node.op_type
        self.pinned: dict[int, Any] = {}
        names = {1: library.float32, 10: "HALF"}
        self._outputs = [
            SimpleNamespace(dtype=names.get(kinds[n].elem_type if n in kinds else 0, "OTHER"))
            for n in node.output
        ]
        self.num_outputs = len(self._outputs)

    def get_output(self, index: int) -> Any:
        return self._outputs[index]

    def set_output_type(self, index: int, kind: Any) -> None:
        self.pinned[index] = kind


@pytest.fixture
def whole(building: Any, gpu: Runtime) -> Any:
    """A TensorRT 10.3 that builds engines and loads them; whatever it built doubles its input."""
    library = building("tensorrt", "10.3.0")
    for name, value in vars(loading(gpu)).items():
        if not hasattr(library, name):
            setattr(library, name, value)
    return library


@pytest.fixture
def building() -> Any:
    """A TensorRT of the version asked for, as far as building goes; `built` is its last Builder."""

    def library(name: str, version: str) -> Any:
        number = tuple(int(n) for n in version.split(".")[:2])
        typed = name == "tensorrt_rtx" or number >= (9, 0)
        kinds = {"STRONGLY_TYPED": 1} if typed else {"EXPLICIT_BATCH": 0}
        made = SimpleNamespace(
            __name__=name,
            __version__=version,
            number=number,
            typed=typed,
            volumes=name == "tensorrt_rtx" or number >= (11, 2),
            float32="FLOAT",
            ILogger=ILogger,
            NetworkDefinitionCreationFlag=SimpleNamespace(**kinds),
            BuilderFlag=SimpleNamespace(TF32="TF32"),
            MemoryPoolType=SimpleNamespace(WORKSPACE="WORKSPACE"),
            HardwareCompatibilityLevel=SimpleNamespace(AMPERE_PLUS="AMPERE_PLUS"),
        )
        if number < (11, 0) and name == "tensorrt":
            made.BuilderFlag.FP16 = "FP16"
            made.BuilderFlag.OBEY_PRECISION_CONSTRAINTS = "OBEY"
        if number >= (10, 0):
            made.IProgressMonitor = object

        def builder(logger: Any) -> Builder:
            made.built = Builder(made)
            return made.built

        made.Builder = builder
        made.OnnxParser = lambda network, logger: Parser(network, made)
        return made

    return library
