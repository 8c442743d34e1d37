"""Counts the operations of a call of PyTorch, a multiply-add as two."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode


def counted(call: Callable[[], Any]) -> float:
    """Thousand millions of operations of one call: convolutions and products of matrices."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the counter sees the operations of this thread only
    try:
        with FlopCounterMode(display=False, custom_mapping=_ours()) as counter:
            call()
    finally:
        torch.set_num_threads(threads)
    return float(counter.get_total_flops()) / 1e9


def _ours() -> dict[Any, Any]:
    """Operations that PyTorch does not count itself."""
    known: dict[Any, Any] = {torch.ops.aten.baddbmm_: _added, torch.ops.aten.addmm_: _added}
    if hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        known[torch.ops.mkldnn._linear_pointwise] = _linear
    return known


def _added(_: Any, left: Any, right: Any, **__: Any) -> int:
    """(..., n, C) by (..., C, O), added to what is there."""
    return 2 * int(math.prod(left)) * int(right[-1])


def _linear(x: Any, *_: Any, out_shape: Any, **__: Any) -> int:
    """(n, C) rows to (n, O)."""
    return 2 * int(math.prod(x)) * int(out_shape[-1])
