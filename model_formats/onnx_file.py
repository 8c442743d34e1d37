"""Loader of ONNX files: ONNX Runtime on exactly the device that was asked for. Not run on a GPU yet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cfg.errors import ModelError
from cfg.install_hints import installing
from model_formats.backend import NetworkArray, Precision, Shape, check_feeds

try:
    import onnxruntime as ort
    from onnxruntime.capi import onnxruntime_pybind11_state as failures
except ImportError as error:
    raise ModelError("an .onnx file needs ONNX Runtime: pip install onnxruntime") from error

PLUGIN = "GridSample3D"  # an operator made for TensorRT, of no standard
ARRAY_TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
}
LOAD_ERRORS = (
    failures.EPFail,
    failures.Fail,
    failures.InvalidArgument,
    failures.InvalidGraph,
    failures.InvalidProtobuf,
    failures.NoModel,
    failures.NoSuchFile,
    failures.NotImplemented,
    failures.RuntimeException,
    RuntimeError,
    ValueError,
)


Provider = str | tuple[str, dict[str, int]]  # its name, and its options
HostArray = npt.NDArray[np.generic]


class OnnxFile:
    """An ONNX network in a session of its own."""

    def __init__(
        self,
        path: Path,
        device: str = "cpu",
        precision: Precision = "stored",
        *,
        keep_on_device: bool = False,
        threads: int | None = None,
    ) -> None:
        self._path = path
        self._keep = keep_on_device
        self._kind, self._index = parse_device(device)
        self._session: ort.InferenceSession = self._opened(threads)
        given = self._session.get_inputs()
        self._inputs = {node.name: shape_of(node) for node in given}
        self._outputs = {node.name: shape_of(node) for node in self._session.get_outputs()}
        strange = [f"'{node.name}' of type {node.type}" for node in given if node.type not in ARRAY_TYPES]
        if strange:
            raise ModelError(f"{path.name} takes {', '.join(strange)}, which is not supported")
        self._kinds = {node.name: ARRAY_TYPES[node.type] for node in given}
        self._check_precision(precision)

    def _opened(self, threads: int | None) -> ort.InferenceSession:
        options = ort.SessionOptions()
        options.log_severity_level = 4  # what goes wrong is said by our error alone
        # Waiting threads would keep the cores from the networks of other stages.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if threads is not None:
            options.intra_op_num_threads = threads
            options.inter_op_num_threads = 1
        provider: Provider = "CPUExecutionProvider"
        if self._kind == "cuda":
            require_cuda()
            provider = cuda_provider(self._index)
        try:
            session = self._read(options, provider)
        except LOAD_ERRORS as error:
            raise ModelError(
                f"{self._path} cannot be opened by ONNX Runtime {ort.__version__}: {error}"
            ) from error
        wanted = "CUDAExecutionProvider" if self._kind == "cuda" else "CPUExecutionProvider"
        if session.get_providers()[0] != wanted:
            raise ModelError(
                f"{self._path.name}: {self._kind} was asked for, but ONNX Runtime chose "
                f"{session.get_providers()[0]}; its CUDA libraries could not be loaded"
            )
        return session

    def _read(self, options: ort.SessionOptions, provider: Provider) -> ort.InferenceSession:
        try:
            return self._session_of(str(self._path), options, provider)
        except LOAD_ERRORS as error:
            if PLUGIN not in str(error):
                raise
        return self._session_of(rewritten(self._path), options, provider)

    @staticmethod
    def _session_of(
        model: str | bytes, options: ort.SessionOptions, provider: Provider
    ) -> ort.InferenceSession:
        """A session that tries no other device, and so prints nothing about that, where one fails."""
        return ort.InferenceSession(model, options, providers=[provider], enable_fallback=0)

    def _check_precision(self, precision: Precision) -> None:
        stored = "fp16" if np.float16 in self._kinds.values() else "fp32"
        if precision not in ("stored", stored):
            raise ModelError(
                f"{self._path.name} takes {stored} arrays and keeps the precision it was exported with; "
                f"{precision} needs another export, or the .pth file"
            )

    @property
    def inputs(self) -> Mapping[str, Shape]:
        return self._inputs

    @property
    def outputs(self) -> Mapping[str, Shape]:
        return self._outputs

    def run(self, feeds: Mapping[str, NetworkArray]) -> dict[str, NetworkArray]:
        """NumPy arrays or OrtValues in; NumPy arrays out, or OrtValues if kept on the device."""
        if self._session is None:
            raise ModelError(f"{self._path.name} is closed")
        on_device = {name: value for name, value in feeds.items() if isinstance(value, ort.OrtValue)}
        on_host = {
            name: np.asarray(value, self._kinds.get(name), order="C")
            for name, value in feeds.items()
            if name not in on_device
        }
        shapes = {name: _Shaped(tuple(value.shape())) for name, value in on_device.items()}
        check_feeds(self._path, self._inputs, {**on_host, **shapes})
        try:
            if self._keep or on_device:
                return self._run_bound(on_host, on_device)
            results = self._session.run(list(self._outputs), on_host)
        except LOAD_ERRORS as error:
            raise ModelError(f"{self._path.name} failed in ONNX Runtime: {error}") from error
        return dict(zip(self._outputs, results, strict=True))

    def _run_bound(
        self, on_host: Mapping[str, HostArray], on_device: Mapping[str, ort.OrtValue]
    ) -> dict[str, NetworkArray]:
        binding = self._session.io_binding()
        for name, array in on_host.items():
            binding.bind_cpu_input(name, array)
        for name, value in on_device.items():
            binding.bind_ortvalue_input(name, value)
        for name in self._outputs:
            binding.bind_output(name, self._kind, self._index)
        self._session.run_with_iobinding(binding)
        results = binding.get_outputs() if self._keep else binding.copy_outputs_to_cpu()
        return dict(zip(self._outputs, results, strict=True))

    def place(self, name: str, array: npt.ArrayLike) -> ort.OrtValue:
        """An input in the device's memory, an OrtValue that may be fed again."""
        ready: HostArray = np.asarray(array, self._kinds[name], order="C")
        return ort.OrtValue.ortvalue_from_numpy(ready, self._kind, self._index)

    def close(self) -> None:
        self._session = None


def rewritten(path: Path) -> bytes:
    """The published warp network, whose operator for volumes no runtime has, with the standard one."""
    try:
        import onnx

        from model_formats.rewrite import standard_grid_sample
    except ImportError as error:
        raise ModelError(
            f"{path.name} uses the operator {PLUGIN}, which is rewritten by the package onnx: "
            f"{installing('export')}"
        ) from error
    model = onnx.load(path)
    standard_grid_sample(model)
    data: bytes = model.SerializeToString()
    return data


class _Shaped:
    """Only a shape: an OrtValue's is a method, an array's is not."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape


def shape_of(node: ort.NodeArg) -> Shape:
    return tuple(n if isinstance(n, int) else None for n in node.shape)


def parse_device(name: str) -> tuple[str, int]:
    """`cuda:1` as ("cuda", 1)."""
    match = re.fullmatch(r"(cpu|cuda)(?::(\d+))?", name)
    if match is None:
        raise ModelError(f"'{name}' is not a device; use cpu, cuda or cuda:1")
    return match[1], int(match[2] or 0)


def cuda_provider(index: int) -> tuple[str, dict[str, int]]:
    """That GPU. Products of fp32 are not rounded to TF32, as nowhere here unless that is asked for."""
    return "CUDAExecutionProvider", {"device_id": index, "use_tf32": 0}


def require_cuda() -> None:
    """Raises ModelError unless this ONNX Runtime was built for CUDA."""
    offered = ort.get_available_providers()
    if "CUDAExecutionProvider" not in offered:
        raise ModelError(
            f"device 'cuda' was asked for, but this ONNX Runtime offers {', '.join(offered)}; "
            "docs/install.md, 'ONNX Runtime on a GPU', says how to get CUDA's"
        )
