"""What this machine can do at most: its largest matrix products and its memory's speed."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import onnxruntime
import torch

SIDE = 1536  # of the square matrices multiplied
COPIED = 1 << 25  # floats copied, far more than a cache holds
TRIES = 15


@dataclass(frozen=True)
class Machine:
    """The machine, and what it was measured to do with the threads it was given."""

    processor: str
    threads: int
    torch: str
    onnxruntime: str
    gflops_fp32: float  # thousand millions of operations a second, a multiply-add counted as two
    gflops_bf16: float
    gigabytes_a_second: float  # read and written

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def least_ms(self, gflop: float, megabytes: float, precision: str) -> float:
        """The time below which so many operations and bytes cannot be done here."""
        peak = self.gflops_bf16 if precision == "bf16" else self.gflops_fp32
        return max(1000 * gflop / peak, megabytes / self.gigabytes_a_second)


def measure_machine(threads: int, clock: Callable[[], float] = time.perf_counter) -> Machine:
    """Measured by the clock that the rows are measured by."""

    def best(call: Callable[[], Any]) -> float:
        """Seconds of the fastest of a few tries."""
        call()
        taken = []
        for _ in range(TRIES):
            began = clock()
            call()
            taken.append(clock() - began)
        return min(taken)

    operations = 2 * SIDE**3 / 1e9
    source, target = torch.ones(COPIED), torch.ones(COPIED)
    with torch.inference_mode():
        left, right = torch.randn(2, SIDE, SIDE).unbind()
        halves = left.bfloat16(), right.bfloat16()
        packed = best(lambda: convolved(left, right))
        return Machine(
            processor=processor(),
            threads=threads,
            torch=torch.__version__,
            onnxruntime=onnxruntime.__version__,
            gflops_fp32=round(operations / min(best(lambda: left @ right), packed), 1),
            gflops_bf16=round(operations / best(lambda: halves[0] @ halves[1]), 1),
            gigabytes_a_second=round(2 * source.nbytes / 1e9 / best(lambda: target.copy_(source)), 1),
        )


def convolved(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """The same product as a convolution of single places, which another library does."""
    picture = left.view(1, SIDE, 1, SIDE).permute(0, 3, 1, 2)
    return torch.nn.functional.conv2d(picture, right.view(SIDE, SIDE, 1, 1))


def processor() -> str:
    """The processor's name, as well as the system tells it."""
    described = Path("/proc/cpuinfo")
    if described.is_file():
        for line in described.read_text().splitlines():
            if line.startswith("model name"):
                return f"{line.partition(':')[2].strip()} ({platform.machine()})"
    return platform.processor() or platform.machine()
