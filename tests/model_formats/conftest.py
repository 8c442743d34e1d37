"""A tiny network in every format, and a runtime that pretends to be TensorRT."""

from __future__ import annotations

import ctypes
import enum
import importlib.util
import io
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
    from ditto.packs.official.networks.checkpoint import NETWORKS

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
    from model_formats.torch_weights import read_weights

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
    Severity = SimpleNamespace(INTERNAL_ERROR=0, ERROR=1, WARNING=2, INFO=3, VERBOSE=4)

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


class Kind(str, enum.Enum):
    FLOAT = "FLOAT"
    HALF = "HALF"
    OTHER = "OTHER"


class Timings(io.BytesIO):
    """A cache of timings, which grows by a plus with every build."""

    def combine(self, other: Timings, ignore_mismatch: bool) -> bool:
        return True

    def serialize(self) -> memoryview:
        return memoryview(self.getvalue())


class Config:
    """Keeps what was asked for."""

    DLA_core = -1
    default_device_type = "GPU"

    def __init__(self) -> None:
        self.flags = {"TF32"}
        self.profiles: list[Any] = []
        self.workspace: int | None = None
        self._timings: Timings | None = None

    @property
    def num_optimization_profiles(self) -> int:
        return len(self.profiles)

    def get_flag(self, flag: Any) -> bool:
        return flag.name in self.flags

    def set_flag(self, flag: Any) -> None:
        self.flags.add(flag.name)

    def clear_flag(self, flag: Any) -> None:
        self.flags.discard(flag.name)

    def add_optimization_profile(self, profile: Any) -> int:
        self.profiles.append(profile)
        return len(self.profiles) - 1

    def set_memory_pool_limit(self, pool: Any, pool_size: int) -> None:
        self.workspace = pool_size

    def create_timing_cache(self, serialized_timing_cache: bytes) -> Timings:
        return Timings(serialized_timing_cache)

    def set_timing_cache(self, cache: Timings, ignore_mismatch: bool) -> bool:
        self._timings = cache
        return True

    def get_timing_cache(self) -> Timings | None:
        return self._timings


class OptimizationProfile:
    def __init__(self) -> None:
        self.shapes: dict[str, tuple[tuple[int, ...], ...]] = {}

    def set_shape(self, name: str, smallest: Any, usual: Any, largest: Any) -> None:
        self.shapes[name] = (smallest, usual, largest)


class Network:
    def __init__(self, flags: int) -> None:
        self.flags = flags
        self.inputs: list[Any] = []
        self.layers: list[Any] = []

    @property
    def num_inputs(self) -> int:
        return len(self.inputs)

    @property
    def num_layers(self) -> int:
        return len(self.layers)

    def get_input(self, index: int) -> Any:
        return self.inputs[index]

    def get_layer(self, index: int) -> Any:
        return self.layers[index]

    def get_flag(self, flag: Any) -> bool:
        return bool(self.flags >> int(flag) & 1)

    def __getitem__(self, index: int) -> Any:
        return self.layers[index]

    def __len__(self) -> int:
        return len(self.layers)


class Builder:
    """Reads graphs as one version of TensorRT would, and builds plans that say what was asked for."""

    def __init__(self) -> None:
        self.config = Config()
        self.network = Network(0)

    def create_network(self, flags: int = 0) -> Network:
        self.network = Network(flags)
        return self.network

    def create_builder_config(self) -> Config:
        return self.config

    def create_optimization_profile(self) -> OptimizationProfile:
        return OptimizationProfile()

    def build_serialized_network(self, network: Network, config: Config) -> bytes | None:
        if monitor := getattr(config, "progress_monitor", None):
            monitor.phase_start("Building", None, 2)
            monitor.phase_start("Timing", "Building", 9)
            for step in range(2):
                assert monitor.step_complete("Building", step)
            monitor.phase_finish("Building")
        if timings := config.get_timing_cache():
            timings.seek(0, io.SEEK_END)
            timings.write(b"+")
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
        for value in model.graph.input:
            axes = value.type.tensor_type.shape.dim
            shape = tuple(axis.dim_value if axis.HasField("dim_value") else -1 for axis in axes)
            tensor = SimpleNamespace(name=value.name, shape=shape, dtype=Kind.FLOAT, is_shape_tensor=False)
            self._network.inputs.append(tensor)
        for node in model.graph.node:
            if node.domain or node.op_type == "GridSample3D":
                self._faults.append(f"no importer for {node.op_type}")
            if node.op_type == "GridSample" and ranks.get(node.input[0]) == 5 and not self._library.volumes:
                self._faults.append("GridSample of rank 5")
            self._network.layers.append(_Layer(node, kinds))
        return not self._faults

    @property
    def num_errors(self) -> int:
        return len(self._faults)

    def get_error(self, index: int) -> str:
        return self._faults[index]


class _Layer:
    precision: Any = None

    def __init__(self, node: Any, kinds: Any) -> None:
        self.name = node.name
        self.type = node.op_type
        self.pinned: dict[int, Any] = {}
        names = {1: Kind.FLOAT, 10: Kind.HALF}
        self._outputs = [
            SimpleNamespace(dtype=names.get(kinds[n].elem_type if n in kinds else 0, Kind.OTHER))
            for n in node.output
        ]
        self.num_outputs = len(self._outputs)

    @property
    def precision_is_set(self) -> bool:
        return self.precision is not None

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
def building(monkeypatch: pytest.MonkeyPatch, polygraphy_unbound: None) -> Any:
    """A TensorRT of the version asked for, as far as building goes; `built` is its last Builder."""

    def library(name: str, version: str) -> Any:
        number = tuple(int(n) for n in version.split(".")[:2])
        typed = name == "tensorrt_rtx" or number >= (9, 0)
        chooses = name == "tensorrt" and number < (11, 0)
        flags = ["TF32", *(["FP16", "OBEY_PRECISION_CONSTRAINTS"] if chooses else [])]
        made = SimpleNamespace(
            __name__=name,
            __version__=version,
            typed=typed,
            volumes=number >= ((1, 7) if name == "tensorrt_rtx" else (11, 2)),
            float32=Kind.FLOAT,
            ILogger=ILogger,
            Logger=ILogger.Severity,
            init_libnvinfer_plugins=lambda logger, namespace: True,
            NetworkDefinitionCreationFlag=enum.IntEnum(
                "NetworkDefinitionCreationFlag", {"STRONGLY_TYPED": 1} if typed else {"EXPLICIT_BATCH": 0}
            ),
            BuilderFlag=enum.Enum("BuilderFlag", flags),
            DeviceType=enum.Enum("DeviceType", ["GPU", "DLA"]),
            LayerType=enum.Enum("LayerType", ["SHAPE"]),
            MemoryPoolType=enum.Enum("MemoryPoolType", ["WORKSPACE"]),
            ProfilingVerbosity=enum.Enum("ProfilingVerbosity", ["DETAILED"]),
            HardwareCompatibilityLevel=enum.Enum("HardwareCompatibilityLevel", ["AMPERE_PLUS"]),
        )
        if number >= (10, 0) or name == "tensorrt_rtx":
            made.IProgressMonitor = object

        def builder(logger: Any) -> Builder:
            made.built = Builder()
            return made.built

        made.Builder = builder
        made.OnnxParser = lambda network, logger: Parser(network, made)
        monkeypatch.setitem(sys.modules, name, made)
        return made

    return library
