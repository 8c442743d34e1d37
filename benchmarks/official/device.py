"""The device that is measured: when its work is done, and how much memory it took."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.official.timing import Call, peak_of_process
from model_formats.torch_device import allow_tf32, available


@dataclass(frozen=True)
class Device:
    """The processor, or one GPU."""

    name: str = "cpu"  # cpu, cuda or cuda:N

    def __post_init__(self) -> None:
        available(self.name)

    @property
    def is_gpu(self) -> bool:
        return self.name != "cpu"

    def finished(self, call: Call, tf32: bool = False) -> Call:
        """The same call, which returns when the device has done what it was given.

        `tf32`: whether products of fp32 may be rounded in it.
        """
        if not self.is_gpu:
            return call

        def waiting() -> Any:
            allow_tf32(tf32)
            made = call()
            torch.cuda.synchronize(self.name)
            return made

        return waiting

    def forget_peak(self) -> None:
        """Memory is counted from here on; the processor's is the program's largest so far."""
        if self.is_gpu:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.name)

    def peak_mb(self) -> float:
        if self.is_gpu:
            return float(torch.cuda.max_memory_allocated(self.name)) / 2**20
        return peak_of_process()

    def described(self) -> dict[str, Any]:
        """Name, memory and driver of a GPU; nothing of a processor."""
        if not self.is_gpu:
            return {}
        known = torch.cuda.get_device_properties(self.name)
        return {
            "gpu": known.name,
            "gpu_memory_gb": round(known.total_memory / 1e9, 1),
            "capability": f"{known.major}.{known.minor}",
            "cuda": torch.version.cuda,
            "driver": driver(),
        }


def driver() -> str:
    """The version of NVIDIA's driver, which only its own program tells."""
    asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return said.partition("\n")[0].strip()
