"""Writes a PyTorch network as an ONNX file of standard operators."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cfg.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor, nn

FIRST_WITH_VOLUMES = 20  # the opset whose GridSample also takes volumes


def export_onnx(
    module: nn.Module,
    path: Path,
    inputs: Sequence[str],
    outputs: Sequence[str],
    example: Sequence[Tensor],
    opset: int = FIRST_WITH_VOLUMES,
) -> None:
    """An ONNX file with those names and the shapes of `example`; no custom operator is needed to run it."""
    import torch

    if opset < FIRST_WITH_VOLUMES:
        raise ModelError(f"opset is {opset}, but volumes are warped from opset {FIRST_WITH_VOLUMES} on")
    part = path.with_name(path.name + ".part")
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the tracer's remarks on shapes, which are fixed here
        torch.onnx.export(
            module,
            tuple(example),
            str(part),
            input_names=list(inputs),
            output_names=list(outputs),
            opset_version=opset,
            dynamo=False,
        )
    part.replace(path)
