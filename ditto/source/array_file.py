"""Files of named arrays: npz as NumPy writes it, read within limits and without running anything."""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from cfg.errors import MediaError

AnyArray = npt.NDArray[Any]

MAX_FILE_BYTES = 1_000_000_000  # bytes of all arrays of a file together
MAX_ARRAYS = 256
MAX_DIMENSIONS = 8
TYPES = re.compile(r"[|<](u1|i4|f4|f8|U\d{1,5})")  # of numbers and text; anything else is refused
SUFFIX = ".npy"


def write_arrays(file: IO[bytes], arrays: Mapping[str, AnyArray]) -> None:
    """Writes arrays that are not compressed, so that a file's size bounds what reading it takes."""
    np.savez(file, **arrays)  # type: ignore[arg-type]


def read_arrays(path: Path) -> dict[str, AnyArray]:
    """Reads the arrays of a file. Raises MediaError, in one line, of one that is cut off or forged."""
    try:
        with zipfile.ZipFile(path) as file:
            members = file.infolist()
            total = sum(member.file_size for member in members)
            if len(members) > MAX_ARRAYS or total > MAX_FILE_BYTES:
                raise ValueError(f"{len(members)} arrays of {total} bytes are too many")
            arrays = {}
            for member in members:
                name = member.filename.removesuffix(SUFFIX)
                if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
                    raise ValueError(f"'{name}' is compressed")
                with file.open(member) as stream:
                    arrays[name] = _array(stream, name, member.file_size)
            return arrays
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MediaError(f"{path}: damaged, or no file of arrays ({reason}); write it again") from error


def _array(stream: IO[bytes], name: str, size: int) -> AnyArray:
    """One array, as long as its header says; nothing is set aside before that is known to be so.

    By rows or by columns as it was written: sums of its numbers are the same to the last bit then.
    """
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        raise ValueError(f"'{name}' is of version {version}")
    shape, by_columns, dtype = np.lib.format.read_array_header_1_0(stream)
    if not TYPES.fullmatch(dtype.str) or len(shape) > MAX_DIMENSIONS:
        raise ValueError(f"'{name}' is of type {dtype.str}")
    wanted = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or wanted != size - stream.tell():
        raise ValueError(f"'{name}' is not as long as it says")
    flat: AnyArray = np.frombuffer(stream.read(wanted), dtype)
    array: AnyArray = flat.reshape(shape, order="F" if by_columns else "C").copy(order="K")
    return array
