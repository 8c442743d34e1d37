"""The motion denoiser from its PyTorch weights. Not run on a GPU yet."""

from __future__ import annotations

from pathlib import Path

from ditto.packs.official.denoiser import TorchDenoiser
from ditto.packs.official.networks.checkpoint import load
from ditto.packs.official.networks.lmdm import LMDM
from ditto.packs.official.recorded_denoiser import RecordedDenoiser
from model_formats.replay import CudaRecorder
from model_formats.torch_device import available


def load_denoiser(path: Path, device: str, precision: str = "fp32", *, graphs: bool = False) -> TorchDenoiser:
    """The denoiser on a device; `graphs`: its steps are recorded as CUDA graphs."""
    network = load("lmdm", path)
    assert isinstance(network, LMDM)
    where = available(device)
    if graphs:
        return RecordedDenoiser(network, device, precision, CudaRecorder(where))
    return TorchDenoiser(network, str(where), precision)
