"""PyTorch networks, run in inference mode. Not run on a GPU yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

import numpy.typing as npt

from cfg.errors import ModelError
from cfg.install_hints import installing
from model_formats.backend import NetworkArray, Precision, Shape, TorchNetwork, check_feeds
from model_formats.processor import lacks

try:
    import torch

    from model_formats.torch_device import available, computing, half_of, placed, stream_ahead
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
        self._call: Callable[..., torch.Tensor | tuple[torch.Tensor, ...]] = self._module
        if graphs:
            from model_formats.replay import CudaRecorder, Replayed

            self._call = Replayed(path.name, self._eagerly, CudaRecorder(self._device))

    @property
    def inputs(self) -> Mapping[str, Shape]:
        return self._network.inputs

    @property
    def outputs(self) -> Mapping[str, Shape]:
        return self._network.outputs

    def run(self, feeds: Mapping[str, NetworkArray]) -> dict[str, NetworkArray]:
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

    def place(self, name: str, array: npt.ArrayLike | NetworkArray) -> torch.Tensor:
        """An input in the device's memory, where it may be fed from again."""
        kind = torch.int64 if name in self._network.whole else torch.float32
        return placed(torch.as_tensor(array, dtype=kind), self._device)

    def _eagerly(self, *given: torch.Tensor) -> tuple[torch.Tensor, ...]:
        assert self._module is not None
        made = self._module(*given)
        return made if isinstance(made, tuple) else (made,)


def closed(*_: object) -> NoReturn:
    raise ModelError("this network is closed")
