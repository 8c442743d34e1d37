"""Polygraphy, NVIDIA's toolkit that builds and compares networks: quiet, offline, bound to one TensorRT.

Imported by the commands that build or verify engines, and by nothing else.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from cfg.errors import ModelError
from cfg.install_hints import installing
from model_formats.tensorrt_library import EXTRAS, is_rtx


def bind(library: ModuleType) -> None:
    """Makes Polygraphy work with that TensorRT, print nothing and install nothing."""
    name = str(library.__name__)
    try:
        from polygraphy import config
        from polygraphy.logger import G_LOGGER
    except ImportError as error:
        raise ModelError(
            f"building and verifying engines needs Polygraphy: {installing(EXTRAS[name])}"
        ) from error
    if "polygraphy.util" in sys.modules and is_rtx(library) != config.USE_TENSORRT_RTX:
        raise ModelError(
            f"Polygraphy works with one TensorRT in a process, and not with {name} in this one; "
            "use another process for each"
        )
    config.USE_TENSORRT_RTX = is_rtx(library)
    config.AUTOINSTALL_DEPS = False  # whatever POLYGRAPHY_AUTOINSTALL_DEPS says: nothing is downloaded
    G_LOGGER.use_python_logging_system = True
    G_LOGGER.colors = G_LOGGER.letter = False


class Words(logging.Handler):
    """Messages of Polygraphy, kept for our own reports and errors."""

    def __init__(self) -> None:
        super().__init__()
        self._said: list[tuple[int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append((record.levelno, record.getMessage()))

    def everything(self) -> str:
        return "\n".join(text for _, text in self._said)

    def errors(self) -> str:
        return " ".join(text for level, text in self._said if level == logging.ERROR)


@contextmanager
def listening() -> Iterator[Words]:
    """Polygraphy's words inside the block, which are printed nowhere."""
    logger, words = logging.getLogger("Polygraphy"), Words()
    before = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(words)
    try:
        yield words
    finally:
        logger.removeHandler(words)
        logger.level, logger.propagate = before
