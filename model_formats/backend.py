"""The protocol of a loaded model, whatever its file format."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from cfg.errors import ModelError

if TYPE_CHECKING:
    import torch
    from torch import nn

Precision = Literal["stored", "fp32", "tf32", "fp16", "bf16"]
Shape = tuple[int | None, ...]  # None where any size is accepted
MAX_BYTES = 4 << 30  # bytes; the official networks are below 0.4 GB


class NetworkArray(Protocol):
    """An array of NumPy's, or of the library that a network runs in where it is on a device."""

    @property
    def shape(self) -> tuple[int, ...]: ...


class Network(Protocol):
    """A network that can be run, whoever opened it: named arrays in, named arrays out."""

    def run(self, feeds: Mapping[str, NetworkArray]) -> Mapping[str, NetworkArray]: ...


class Backend(Protocol):
    """A loaded network: named arrays in, named arrays out. It knows no faces and no audio."""

    @property
    def inputs(self) -> Mapping[str, Shape]: ...

    @property
    def outputs(self) -> Mapping[str, Shape]: ...

    def run(self, feeds: Mapping[str, NetworkArray]) -> dict[str, NetworkArray]:
        """NumPy or device arrays in; NumPy arrays out, or device arrays if it was opened to keep them."""

    def close(self) -> None: ...


class DeviceBackend(Backend, Protocol):
    """A network on a device, where an input can be kept from one call to the next."""

    def place(self, name: str, array: NetworkArray, /) -> NetworkArray: ...


@dataclass(frozen=True)
class TorchNetwork:
    """Recipe that makes a network of a PyTorch weight file: what the file itself does not say."""

    load: Callable[[Path], nn.Module]  # strict; raises ModelError
    inputs: Mapping[str, Shape]  # in the order of the module's arguments
    outputs: Mapping[str, Shape]  # in the order of its results
    whole: frozenset[str] = field(default=frozenset())  # inputs that are integers (a diffusion time)
    on_cpu: Callable[[nn.Module], nn.Module] | None = None  # the same function, faster on a CPU in fp32
    on_gpu: Callable[[nn.Module, torch.dtype | None], nn.Module] | None = (
        None  # and on a GPU, for autocast to a kind of half
    )


def existing(path: Path) -> Path:
    """The path of a model file that is there, not empty and not absurdly large."""
    if not os.path.isfile(path):  # noqa: PTH113 - where pathlib fails of a name, there is no such file
        raise ModelError(f"{path}: no such file. README, 'Checkpoints', says where to get it.")
    size = path.stat().st_size
    if not 0 < size <= MAX_BYTES:
        raise ModelError(f"{path} is {size} bytes; a model file has from 1 to {MAX_BYTES}. Fetch it again.")
    return path


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def check_feeds(path: Path, inputs: Mapping[str, Shape], feeds: Mapping[str, NetworkArray]) -> None:
    """Raises ModelError where the names or shapes fed are not those the network takes."""
    if feeds.keys() != inputs.keys():
        raise ModelError(f"{path.name} takes {', '.join(sorted(inputs))}, not {', '.join(sorted(feeds))}")
    for name, wanted in inputs.items():
        shape = tuple(feeds[name].shape)
        fits = len(shape) == len(wanted) and all(
            w is None or n == w for n, w in zip(shape, wanted, strict=True)
        )
        if not fits:
            raise ModelError(f"{path.name}: '{name}' has shape {shape}, wanted {show(wanted)}")


def show(shape: Shape) -> str:
    """`(1, 80, any)`."""
    return "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"
