"""A device as PyTorch works on it: its name, its memory, its streams and precisions. Not run on a GPU yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from cfg.errors import ModelError


def half_of(precision: str) -> torch.dtype | None:
    """The half precision of that name; None where it is none."""
    return {"fp16": torch.float16, "bf16": torch.bfloat16}.get(precision)


def stream_ahead(device: torch.device) -> torch.cuda.Stream | None:
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
    device: torch.device,
    half: torch.dtype | None = None,
    tf32: bool = False,
    stream: torch.cuda.Stream | None = None,
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
