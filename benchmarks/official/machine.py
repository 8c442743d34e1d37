"""Peak speed of this machine: matrix products and memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import onnxruntime
import torch

from benchmarks.official.device import Device
from model_formats.processor import lacks
from stream_pipeline.commands.bench import processor

SIDE, GPU_SIDE = 1536, 8192  # of the square matrices multiplied
COPIED, GPU_COPIED = 1 << 25, 1 << 28  # floats copied, far more than a cache holds
TRIES = 15


@dataclass(frozen=True)
class Machine:
    """The machine, and what it was measured to do with the threads it was given."""

    processor: str
    threads: int
    torch: str
    onnxruntime: str
    gflops_fp32: float  # thousand millions of operations a second, a multiply-add counted as two
    gflops_bf16: float | None  # None where the processor only emulates it
    gigabytes_a_second: float  # read and written
    gflops_fp16: float | None = None  # of a GPU
    gflops_tf32: float | None = None
    device: str = "cpu"
    described: dict[str, Any] = field(default_factory=dict)  # name, memory and driver of a GPU

    def as_json(self) -> dict[str, Any]:
        known = asdict(self)
        of_gpu = known.pop("described")
        return {**known, **of_gpu}

    def __str__(self) -> str:
        where = ", ".join(f"{name} {value}" for name, value in self.described.items())
        return f"{self.processor}, {self.threads} threads, PyTorch {self.torch}, ORT {self.onnxruntime}" + (
            f"\n{self.device}: {where}" if where else ""
        )

    def rates(self) -> str:
        """What was measured, for people."""
        others = {"bf16": self.gflops_bf16, "fp16": self.gflops_fp16, "TF32": self.gflops_tf32}
        known = "".join(f", {rate} {name}" for name, rate in others.items() if rate is not None)
        return f"{self.gflops_fp32} GFLOP/s fp32{known}, {self.gigabytes_a_second} GB/s"

    def least_ms(self, gflop: float, megabytes: float, precision: str) -> float:
        """The time below which so many operations and bytes cannot be done here."""
        halves = {"bf16": self.gflops_bf16, "fp16": self.gflops_fp16, "tf32": self.gflops_tf32}
        peak = halves.get(precision) or self.gflops_fp32
        return max(1000 * gflop / peak, megabytes / self.gigabytes_a_second)


def measure_machine(
    threads: int, clock: Callable[[], float] = time.perf_counter, device: Device | None = None
) -> Machine:
    """Measured by the clock that the rows are measured by."""
    device = device or Device()
    side, copied = (GPU_SIDE, GPU_COPIED) if device.is_gpu else (SIDE, COPIED)

    def best(call: Callable[[], Any], tf32: bool = False) -> float:
        """Seconds of the fastest of a few tries."""
        call = device.finished(call, tf32)
        call()
        taken = []
        for _ in range(TRIES):
            began = clock()
            call()
            taken.append(clock() - began)
        return min(taken)

    def rate(call: Callable[[], Any], tf32: bool = False) -> float:
        return round(2 * side**3 / 1e9 / best(call, tf32), 1)

    with torch.inference_mode():
        source = torch.ones(copied, device=device.name)
        target = torch.ones_like(source)
        left, right = torch.randn(2, side, side, device=device.name).unbind()
        exact = [rate(lambda: left @ right)]
        rounded: dict[str, float] = {}
        coarse: float | None = None
        if device.is_gpu or not lacks("bf16"):
            halves = left.bfloat16(), right.bfloat16()
            coarse = rate(lambda: halves[0] @ halves[1])
        if device.is_gpu:
            finer = left.half(), right.half()
            rounded["gflops_fp16"] = rate(lambda: finer[0] @ finer[1])
            rounded["gflops_tf32"] = rate(lambda: left @ right, tf32=True)
        else:
            exact.append(rate(lambda: convolved(left, right)))
        return Machine(
            processor=processor(),
            threads=threads,
            torch=torch.__version__,
            onnxruntime=onnxruntime.__version__,
            gflops_fp32=max(exact),
            gflops_bf16=coarse,
            gigabytes_a_second=round(2 * source.nbytes / 1e9 / best(lambda: target.copy_(source)), 1),
            device=device.name,
            described=device.described(),
            **rounded,
        )


def convolved(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """The same product as a convolution of single places, which another library does."""
    side = len(left)
    picture = left.view(1, side, 1, side).permute(0, 3, 1, 2)
    return torch.nn.functional.conv2d(picture, right.view(side, side, 1, 1))
