"""Opens a model file of any format: the one place that asks which format it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cfg.errors import ModelError
from cfg.plugins import PluginGroup
from model_formats.backend import Backend, Precision, TorchNetwork, existing


@dataclass(frozen=True)
class Wanted:
    """Wishes for running a model file."""

    device: str
    precision: Precision
    network: TorchNetwork | None
    keep_on_device: bool
    threads: int | None
    graphs: bool


Opener = Callable[[Path, Wanted], Backend]


@dataclass(frozen=True)
class BackendPlugin:
    """A format that another package brings.

    Its entry point of the group `ditto.backends` has the name of the format's suffix, without the dot.
    """

    open: Opener  # the path of a file that is there; refuses a device or precision it cannot honour


PLUGINS = PluginGroup("ditto.backends", "backend", BackendPlugin)


def open_model(
    path: str | Path,
    device: str = "cpu",
    precision: Precision = "stored",
    network: TorchNetwork | None = None,
    *,
    keep_on_device: bool = False,
    threads: int | None = None,
    graphs: bool = False,
) -> Backend:
    """A runnable network from a .pth, .onnx or .engine file, or one of another package's format.

    It runs on exactly the device asked for.

    `precision` "stored" takes the file as it is (fp32 for .pth). `network` is needed for .pth only.
    With `keep_on_device` results stay in the device's memory. `threads` bounds the CPU threads.
    `graphs` records a .pth network's calls as CUDA graphs.
    """
    path = Path(path)
    opener = opener_for(path)
    return opener(existing(path), Wanted(device, precision, network, keep_on_device, threads, graphs))


def opener_for(path: Path) -> Opener:
    """Opener of files with that suffix."""
    suffix = path.suffix.lower()
    if suffix in OPENERS:
        return OPENERS[suffix]
    brought = PLUGINS.load(suffix.removeprefix("."))
    if brought is None:
        known = [*OPENERS, *(f".{name}" for name in PLUGINS.packages())]
        raise ModelError(f"{path} is not a model file; its name should end in {', '.join(known)}")
    return brought.open


def _torch(path: Path, wanted: Wanted) -> Backend:
    from model_formats.torch_file import TorchFile

    if wanted.network is None:
        raise ModelError(f"{path} holds weights only; say which network they belong to")
    return TorchFile(
        path,
        wanted.network,
        wanted.device,
        wanted.precision,
        keep_on_device=wanted.keep_on_device,
        threads=wanted.threads,
        graphs=wanted.graphs,
    )


def _onnx(path: Path, wanted: Wanted) -> Backend:
    from model_formats.onnx_runtime_check import require_one_runtime

    require_one_runtime()
    from model_formats.onnx_file import OnnxFile

    return OnnxFile(
        path, wanted.device, wanted.precision, keep_on_device=wanted.keep_on_device, threads=wanted.threads
    )


def _tensorrt(path: Path, wanted: Wanted) -> Backend:
    from model_formats.tensorrt_file import open_engine

    return open_engine(path, wanted.device, wanted.precision, keep_on_device=wanted.keep_on_device)


OPENERS: dict[str, Opener] = {
    ".pth": _torch,
    ".pt": _torch,
    ".onnx": _onnx,
    ".engine": _tensorrt,
    ".trt": _tensorrt,
}
