"""Inner loops written in C: compiled when the package is installed, opened at the first call.

A kernel is declared beside the code that calls it, with the kinds of its arguments:

    raster_shift = Kernel("raster_shift", Out(np.float32), In(np.float32), int, float)

Arrays are handed over by address, so a call checks their type and contiguity and, of what a kernel writes,
that it may be written. Sizes are arguments of their own. No kernel holds the interpreter's lock.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from cfg.errors import ConfigError, DittoError, did_you_mean

FOLDER = Path(__file__).parent
SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
HELD_DOWN = "DITTO_CPU"  # environment variable that names a lower level than the processor's
BASELINE = "baseline"  # every processor of its kind
AVX2, FMA3 = 11, 12  # OpenCV's numbers for them, which its Python module has no names for
LEVELS = {"x86-64-v3": (AVX2, FMA3)}  # levels above the baseline, the best first, and what they need


@dataclass(frozen=True, slots=True)
class In:
    """An array that a kernel reads, or None."""

    dtype: npt.DTypeLike


@dataclass(frozen=True, slots=True)
class Out:
    """An array that a kernel writes, or None."""

    dtype: npt.DTypeLike


class Kernel:
    """A compiled loop. Calls raise MemoryError where it found none."""

    __slots__ = ("_converters", "_function", "arguments", "name")

    def __init__(self, name: str, *arguments: In | Out | type[int] | type[float]) -> None:
        self.name = name
        self.arguments = arguments
        self._converters = [_converter(f"{name}: argument {n}", kind) for n, kind in enumerate(arguments)]
        self._function: Callable[..., int] | None = None

    def __call__(self, *given: object) -> None:
        function = self._function or self._opened()
        pairs = zip(self._converters, given, strict=True)
        if function(*[convert(value) for convert, value in pairs]):
            raise MemoryError(f"kernel {self.name}: no memory")

    def _opened(self) -> Callable[..., int]:
        function = getattr(library(), self.name)
        function.argtypes = [C_TYPES.get(kind, ctypes.c_void_p) for kind in self.arguments]
        self._function = function
        return self._function


C_TYPES: dict[object, object] = {int: ctypes.c_int64, float: ctypes.c_float}


def _converter(place: str, kind: In | Out | type[int] | type[float]) -> Callable[[object], object]:
    if not isinstance(kind, In | Out):
        return kind
    dtype, written = np.dtype(kind.dtype), isinstance(kind, Out)

    def address(array: object) -> int | None:
        if array is None:
            return None
        if not isinstance(array, np.ndarray):
            raise TypeError(f"kernel {place} is a {type(array).__name__}, but must be an array")
        flags = array.flags
        if array.dtype != dtype or not flags.c_contiguous or (written and not flags.writeable):
            raise TypeError(
                f"kernel {place} is {array.dtype}{array.shape}, {flags.c_contiguous=}, {flags.writeable=}, "
                f"but must be contiguous {dtype}{', writable' if written else ''}"
            )
        place_in_memory: int = array.__array_interface__["data"][0]
        return place_in_memory

    return address


@cache
def library() -> ctypes.CDLL:
    """The compiled loops, for the best level of this processor, or for the one that DITTO_CPU names."""
    path = FOLDER / f"{level()}{SUFFIX}"
    if not path.is_file():
        raise DittoError(
            f"{path}: the kernels are not compiled for this machine ({sys.platform}, {platform.machine()}); "
            "install the package again: python -m pip install -e ."
        )
    return ctypes.CDLL(str(path))


def level() -> str:
    """The name of the instruction set that the kernels are run with."""
    able = [*supported(), BASELINE]
    wanted = os.environ.get(HELD_DOWN)
    if not wanted:
        return able[0]
    if wanted not in able:
        raise ConfigError(
            f"{HELD_DOWN} is '{wanted}', but this processor can run {' or '.join(able)}"
            f"{did_you_mean(wanted, able)}"
        )
    return wanted


def supported() -> list[str]:
    """The levels above the baseline that this processor can run, the best first."""
    return [
        name
        for name, features in LEVELS.items()
        if name.startswith("x86") == (platform.machine().lower() in ("x86_64", "amd64"))
        and all(cv2.checkHardwareSupport(feature) for feature in features)
    ]
