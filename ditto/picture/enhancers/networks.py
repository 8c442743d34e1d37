"""The networks of enhancers: where their files are, and whether what they give are numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cfg.errors import ConfigError, ModelError
from cfg.settings import EnhanceSettings
from ditto.arrays import Floats
from ditto.media.files import existing


def restorer_file(settings: EnhanceSettings) -> Path:
    """The network of a restorer of faces."""
    if not settings.model:
        raise ConfigError(
            f"the enhancer '{settings.enhancer}' needs its ONNX file (--enhancer-model FILE); "
            "docs/enhancers.md says where they come from"
        )
    return onnx_file(settings.model, "enhancer")


def onnx_file(text: str, what: str) -> Path:
    """The file of an enhancer or an upscaler."""
    path = Path(text)
    if path.suffix.lower() != ".onnx":
        raise ConfigError(f"{path}: {what}s are ONNX files, not '{path.suffix}'")
    return existing(path, f"{what}'s model")


def check_numbers(result: Floats, what: str) -> None:
    """Raises ModelError where a network gave what no picture can be made of."""
    if not np.isfinite(result).all():
        raise ModelError(
            f"the {what} gave values that are not numbers (NaN or infinity); export it again in fp32, "
            "or use another one"
        )
