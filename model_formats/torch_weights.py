"""Tensors from a .pth file. Archive and pickle are read here; PyTorch is handed nothing but bytes."""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from cfg.errors import ModelError
from cfg.unpickler import EXTERNAL, Maker, Name, Refused, read_data
from model_formats.backend import existing

PORTION_BYTES = 4 << 20  # bytes read at once, and an archive's table of contents at most
Arguments = tuple[Any, ...]  # of a call in a pickle, each of them checked by what it makes
MAX_AXES = 16
STORAGES: Mapping[Name, torch.dtype] = {
    ("torch", "FloatStorage"): torch.float32,
    ("torch", "DoubleStorage"): torch.float64,
    ("torch", "HalfStorage"): torch.float16,
    ("torch", "BFloat16Storage"): torch.bfloat16,
    ("torch", "LongStorage"): torch.int64,
    ("torch", "IntStorage"): torch.int32,
    ("torch", "ShortStorage"): torch.int16,
    ("torch", "CharStorage"): torch.int8,
    ("torch", "ByteStorage"): torch.uint8,
    ("torch", "BoolStorage"): torch.bool,
}
# What `zipfile` raises for damaged archives, and PyTorch for sizes beyond its own.
READ_ERRORS = (
    Refused,
    zipfile.BadZipFile,
    NotImplementedError,
    struct.error,
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    OverflowError,
)


def read_weights(path: Path) -> Any:
    """The tensors and plain containers in a .pth file; nothing in it is executed."""
    existing(path)
    try:
        if not zipfile.is_zipfile(path):
            raise Refused(
                "not an archive; a file of PyTorch before 1.6 must be loaded and saved again by a later one"
            )
        with _File(path) as file, zipfile.ZipFile(file) as archive:
            return _Weights(archive, path.stat().st_size).content()
    except READ_ERRORS as error:
        words = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ModelError(
            f"{path} is not a readable weight file, or holds more than weights ({words}). "
            "README, 'Checkpoints', says where to get it."
        ) from error


class _File(io.FileIO):
    """A file that is read in portions, so that no claim of its own asks for much memory at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > PORTION_BYTES:
            raise Refused("its table of contents is too long")
        return super().read(size)


class _Weights:
    """Archive as PyTorch writes it: a pickle, and a member for the bytes of each storage."""

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self._archive = archive
        members = archive.infolist()
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise Refused("its members are compressed, as PyTorch's never are")
        if sum(member.file_size for member in members) > size:
            raise Refused("its members are larger than the file")
        self._members = {member.filename.partition("/")[2]: member for member in members}
        self._storages: dict[tuple[str, torch.dtype], torch.Tensor] = {}

    def content(self) -> Any:
        if "byteorder" in self._members and self._bytes("byteorder").numpy().tobytes() != b"little":
            raise Refused("its numbers are of another byte order")
        makers: Mapping[Name, Maker] = {
            EXTERNAL: self._storage,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
            ("torch._utils", "_rebuild_parameter"): _parameter,
            ("torch", "Size"): _size,
        }
        return read_data(self._bytes("data.pkl").numpy().tobytes(), makers, frozenset(STORAGES), math.inf)

    def _storage(self, arguments: Arguments, state: object) -> torch.Tensor:
        """The elements of a storage, in a row; tensors that share it share its memory."""
        kind, type_name, key, _, count = arguments[0]
        if (
            kind != "storage"
            or type_name not in STORAGES
            or not isinstance(key, str)
            or type(count) is not int
        ):
            raise Refused("damaged: a storage of no known kind")
        dtype = STORAGES[type_name]
        if (key, dtype) not in self._storages:
            raw = self._bytes(f"data/{key}")
            if count * dtype.itemsize != len(raw):
                raise Refused(f"damaged: {len(raw)} bytes for {count} numbers")
            self._storages[key, dtype] = raw != 0 if dtype == torch.bool else raw.view(dtype)
        return self._storages[key, dtype]

    def _bytes(self, name: str) -> torch.Tensor:
        """The content of a member, in memory that is aligned as PyTorch's own."""
        if name not in self._members:
            raise Refused(f"it has no '{name}'")
        content = torch.empty(self._members[name].file_size, dtype=torch.uint8)
        left = content.numpy().data
        with self._archive.open(self._members[name]) as file:
            assert isinstance(file, zipfile.ZipExtFile)
            while len(left):
                read = file.readinto(left[:PORTION_BYTES])
                if not read:
                    raise Refused(f"damaged: '{name}' is cut off")
                left = left[read:]
        return content


def _tensor(arguments: Arguments, state: object) -> torch.Tensor:
    storage, offset, size, stride, *_ = arguments
    if not isinstance(storage, torch.Tensor) or storage.ndim != 1 or len(size) != len(stride):
        raise Refused("damaged: a tensor without content")
    if len(size) > MAX_AXES or any(type(n) is not int or n < 0 for n in (offset, *size, *stride)):
        raise Refused("damaged: a tensor without a plain shape")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if math.prod(size) and (last >= len(storage) or math.prod(size) > len(storage)):
        raise Refused(f"damaged: a tensor of shape {size} in a storage of {len(storage)} numbers")
    return storage.as_strided(size, stride, offset) if math.prod(size) else storage.new_zeros(size)


def _parameter(arguments: Arguments, state: object) -> torch.Tensor:
    weights = arguments[0]
    if not isinstance(weights, torch.Tensor):
        raise Refused("damaged: a parameter without a tensor")
    return weights


def _size(arguments: Arguments, state: object) -> tuple[object, ...]:
    return tuple(arguments[0])
