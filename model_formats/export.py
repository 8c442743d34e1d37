"""Writes a PyTorch network as an ONNX file of standard operators."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cfg.errors import ModelError
from cfg.install_hints import installing

if TYPE_CHECKING:
    from torch import Tensor, nn

OPSET = 20  # the first whose GridSample takes volumes, and the last that the tracer writes


def export_onnx(
    module: nn.Module,
    path: Path,
    inputs: Sequence[str],
    outputs: Sequence[str],
    example: Sequence[Tensor],
    open_axes: Mapping[str, Mapping[int, str]] | None = None,
) -> None:
    """An ONNX file with those names and the shapes of `example`; no custom operator is needed to run it.

    `open_axes` names, for inputs and outputs, the axes whose size is not fixed by the example. What no
    input can change is worked out beforehand, and the file is checked before it gets its name.
    """
    import torch

    try:
        import onnx

        from model_formats.fold_constants import fold_constants
    except ImportError as error:
        raise ModelError(f"writing an .onnx file needs onnx: {installing('export')}") from error

    part = path.with_name(path.name + ".part")
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")  # the tracer's remarks on shapes, which are fixed here
            torch.onnx.export(
                module,
                tuple(example),
                str(part),
                input_names=list(inputs),
                output_names=list(outputs),
                opset_version=OPSET,
                dynamic_axes={name: dict(axes) for name, axes in (open_axes or {}).items()},
                dynamo=False,
            )
        model = onnx.load(part)
        fold_constants(model)
        onnx.save(model, part)
        onnx.checker.check_model(part, full_check=True)
        part.replace(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
