"""How many operations a call of PyTorch does, a multiply-add counted as two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode


def counted(call: Callable[[], Any]) -> float:
    """Thousand millions of operations of one call: convolutions and products of matrices."""
    with FlopCounterMode(display=False, custom_mapping=_ours()) as counter:
        call()
    return float(counter.get_total_flops()) / 1e9


def _ours() -> dict[Any, Any]:
    """The one operation of ours that PyTorch does not count itself."""
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return {}
    return {torch.ops.mkldnn._linear_pointwise: _linear}


def _linear(x: Any, *_: Any, out_shape: Any, **__: Any) -> int:
    """(n, C) rows to (n, O)."""
    return 2 * int(x[0]) * int(x[1]) * int(out_shape[-1])
