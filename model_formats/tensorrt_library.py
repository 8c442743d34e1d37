"""The TensorRT that is installed and its abilities: the full one from 8.6 on, or TensorRT for RTX."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from types import ModuleType
from typing import Protocol

from cfg.errors import ModelError
from cfg.install_hints import installing

LIBRARIES = ("tensorrt", "tensorrt_rtx")
EXTRAS = {"tensorrt": "trt", "tensorrt_rtx": "trt-rtx"}
MIN_VOLUME_VERSIONS = {
    "tensorrt": (11, 2),
    "tensorrt_rtx": (1, 7),
}  # sampled by their own operator from here on
MIN_VERSION = (8, 6)


def find_library(wanted: Sequence[str] = LIBRARIES, purpose: str = "this") -> ModuleType:
    """The first of those TensorRT modules that is installed."""
    for name in wanted:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise ModelError(f"{purpose} needs TensorRT: {installing(EXTRAS[wanted[0]])}")


def is_rtx(library: ModuleType) -> bool:
    return str(library.__name__) == "tensorrt_rtx"


def version(library: ModuleType) -> tuple[int, int]:
    """(10, 3) of 10.3.0.26."""
    major, minor = re.findall(r"\d+", library.__version__)[:2]
    return int(major), int(minor)


def samples_volumes(library: ModuleType) -> bool:
    """Whether the library's GridSample takes volumes."""
    return version(library) >= MIN_VOLUME_VERSIONS[library.__name__]


def is_strongly_typed(library: ModuleType) -> bool:
    """Whether precision is taken from the graph, and not chosen by the builder."""
    return is_rtx(library) or version(library) >= (10, 0)


class Listener(Protocol):
    """A logger of TensorRT's that keeps what is complained of."""

    errors: list[str]

    def said(self) -> str: ...


def listener(library: ModuleType) -> Listener:
    """A logger whose `errors` keeps what the library complains of, for our own errors."""
    severity_of = library.ILogger.Severity

    class Words(library.ILogger):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.errors: list[str] = []

        def log(self, severity: object, message: str) -> None:
            if severity in (severity_of.ERROR, severity_of.INTERNAL_ERROR):
                self.errors.append(message)

        def said(self) -> str:
            return " ".join(self.errors) or "it gives no reason"

    return Words()
