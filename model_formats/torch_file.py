"""PyTorch networks, run in inference mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from cfg.errors import ModelError
from cfg.installing import installing
from model_formats.backend import Precision, Shape, TorchNetwork, check_feeds
from model_formats.processor import lacks

try:
    import torch
except ImportError as error:
    raise ModelError(f"a .pth file needs PyTorch: {installing('torch')}") from error


class TorchFile:
    """A PyTorch network with the weights of a .pth file.

    In fp16 and bf16 autocast picks the operations that keep their accuracy in half precision; results
    are fp32 again. On a GPU fp32 is not rounded to TF32, which is a precision of its own.
    """

    def __init__(
        self,
        path: Path,
        network: TorchNetwork,
        device: str = "cpu",
        precision: Precision = "stored",
        *,
        keep_on_device: bool = False,
        threads: int | None = None,
        graphs: bool = False,
    ) -> None:
        """`graphs`: calls are recorded as CUDA graphs, one for each size of batch."""
        self._path = path
        self._network = network
        self._device = available(device)
        self._half = half_of(precision)
        self._tf32 = precision == "tf32"
        if self._device.type == "cpu" and (self._tf32 or graphs):
            raise ModelError(f"{path.name}: {'tf32' if self._tf32 else 'CUDA graphs'}: on a GPU only")
        if self._device.type == "cpu" and (reason := lacks(precision)):
            raise ModelError(f"{path.name}: {reason}")
        self._keep = keep_on_device
        if threads is not None:
            torch.set_num_threads(threads)  # PyTorch has one such number for the whole process
        module = network.load(path)
        if self._device.type == "cpu" and self._half is None and network.on_cpu is not None:
            with torch.inference_mode():
                module = network.on_cpu(module)
        if self._device.type == "cuda" and network.on_gpu is not None:
            module = network.on_gpu(module, self._half)
        self._module: torch.nn.Module | None = module.to(self._device).eval()
        self._stream = None if keep_on_device else stream_ahead(self._device)
        self._call: Callable[..., Any] = self._module
        if graphs:
            from model_formats.replay import CudaRecorder, Replayed

            self._call = Replayed(path.name, self._eagerly, CudaRecorder(self._device))

    @property
    def inputs(self) -> Mapping[str, Shape]:
        return self._network.inputs

    @property
    def outputs(self) -> Mapping[str, Shape]:
        return self._network.outputs

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """NumPy arrays or tensors in; NumPy arrays out, or tensors on the device if they are kept there."""
        if self._module is None:
            raise ModelError(f"{self._path.name} is closed")
        check_feeds(self._path, self.inputs, feeds)
        if self._stream is not None and any(getattr(feed, "is_cuda", False) for feed in feeds.values()):
            self._stream.wait_stream(torch.cuda.current_stream(self._device))  # what it reads is there
        with computing(self._device, self._half, self._tf32, self._stream):
            made = self._call(*(self.place(name, feeds[name]) for name in self.inputs))
            results = made if isinstance(made, tuple) else (made,)
            named = zip(self.outputs, results, strict=True)
            if self._keep:
                return {name: result.float() for name, result in named}
            return {name: result.float().cpu().numpy() for name, result in named}

    def close(self) -> None:
        self._module = None
        self._call = closed

    def place(self, name: str, array: Any) -> torch.Tensor:
        """An input in the device's memory, where it may be fed from again."""
        kind = torch.int64 if name in self._network.whole else torch.float32
        return placed(torch.as_tensor(array, dtype=kind), self._device)

    def _eagerly(self, *given: torch.Tensor) -> tuple[torch.Tensor, ...]:
        assert self._module is not None
        made = self._module(*given)
        return made if isinstance(made, tuple) else (made,)


def closed(*_: object) -> Any:
    raise ModelError("this network is closed")


def half_of(precision: str) -> torch.dtype | None:
    """The half precision of that name; None where it is none."""
    return {"fp16": torch.float16, "bf16": torch.bfloat16}.get(precision)


def stream_ahead(device: torch.device) -> Any:
    """A stream of its own on a GPU, for what is waited for; None on the processor.

    In the common stream, results wait for whatever other stages have put there before: a step of the
    denoiser for frames that are being painted.
    """
    if device.type != "cuda":
        return None
    torch.cuda.synchronize(device)  # weights are there, whichever stream brought them
    return torch.cuda.Stream(device, priority=-1)  # type: ignore[no-untyped-call]


@contextmanager
def computing(
    device: torch.device, half: torch.dtype | None = None, tf32: bool = False, stream: Any = None
) -> Iterator[None]:
    """PyTorch without gradients, in that precision, and on a GPU in that stream."""
    with ExitStack() as stack:
        if device.type == "cuda":
            allow_tf32(tf32)
        if stream is not None:
            stack.enter_context(torch.cuda.stream(stream))
        if half is not None:
            stack.enter_context(torch.autocast(device.type, half))
        stack.enter_context(torch.inference_mode())
        yield


def placed(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """The tensor on the device. What goes to a GPU does so while the program goes on."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def allow_tf32(allowed: bool) -> None:
    """Whether fp32 products may be rounded to 10 bits on a GPU; PyTorch has one such switch for all."""
    backends: Any = torch.backends
    if hasattr(backends.cuda.matmul, "fp32_precision"):  # from PyTorch 2.9 on
        backends.cuda.matmul.fp32_precision = backends.cudnn.conv.fp32_precision = (
            "tf32" if allowed else "ieee"
        )
    else:
        backends.cuda.matmul.allow_tf32 = backends.cudnn.allow_tf32 = allowed


def available(name: str) -> torch.device:
    """The device of that name, `cpu`, `cuda` or `cuda:1`; ModelError if this machine has none such."""
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ModelError(f"'{name}' is not a device; use cpu, cuda or cuda:1") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ModelError(f"device '{name}' was asked for, but PyTorch {torch.__version__} sees no CUDA GPU")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ModelError(f"device '{name}' was asked for, but there are {torch.cuda.device_count()} GPUs")
    if device.type not in ("cpu", "cuda"):
        raise ModelError(f"device '{name}' is not supported; use cpu, cuda or cuda:1")
    return device
