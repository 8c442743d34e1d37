"""NumPy arrays and numbers in a pickle, made from their bytes; NumPy is handed nothing but those."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from cfg.unpickler import Maker, Name, Refused

PLAIN_DTYPES = frozenset({"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"})
BYTE_ORDERS = frozenset({"<", ">", "=", "|"})
# of a dtype without fields: subtype, names, fields, sizes of C, flags
PLAIN_DTYPE_STATE = (None, None, None, -1, -1, 0)
MAX_AXES = 8
CODECS = ("latin1", "latin-1", "utf-8", "ascii")
NDARRAY: Name = ("numpy", "ndarray")


def _dtype(arguments: tuple[object, ...], state: object) -> np.dtype[np.generic]:
    code, *_ = arguments
    if code not in PLAIN_DTYPES or not isinstance(state, tuple) or len(state) != 8:
        raise Refused("it holds an array of something other than plain numbers")
    if state[2:] != PLAIN_DTYPE_STATE or state[1] not in BYTE_ORDERS:
        raise Refused("it holds an array of something other than plain numbers")
    return np.dtype(f"{state[1]}{code}")


def _reconstructed(arguments: tuple[object, ...], state: object) -> npt.NDArray[np.generic]:
    if arguments[0] != NDARRAY or not isinstance(state, tuple):
        raise Refused("damaged: an array without content")
    _, shape, dtype, by_columns, data = state
    return _array(data, dtype, shape, "F" if by_columns else "C")


def _from_buffer(arguments: tuple[object, ...], state: object) -> npt.NDArray[np.generic]:
    data, dtype, shape, order = arguments[:4]
    return _array(data, dtype, shape, order)


def _scalar(arguments: tuple[object, ...], state: object) -> bool | int | float:
    dtype, data = arguments
    number: bool | int | float = _array(data, dtype, (), "C").item()
    return number


def _array(data: object, dtype: object, shape: object, order: object) -> npt.NDArray[np.generic]:
    if not isinstance(dtype, np.dtype) or not isinstance(data, (bytes, bytearray)):
        raise Refused("damaged: an array without bytes or kind")
    if not isinstance(shape, tuple) or len(shape) > MAX_AXES or order not in ("C", "F"):
        raise Refused("damaged: an array without a plain shape")
    if any(type(side) is not int or side < 0 for side in shape):
        raise Refused("damaged: an array without a plain shape")
    if math.prod(shape) * dtype.itemsize != len(data):
        raise Refused(f"damaged: {len(data)} bytes for an array of shape {shape}")
    if not data:
        return np.zeros(shape, dtype.newbyteorder("="))
    if dtype.kind == "b":
        return np.frombuffer(data, np.uint8).astype(bool).reshape(shape, order=order)
    return np.frombuffer(data, dtype).astype(dtype.newbyteorder("=")).reshape(shape, order=order)


def _encoded(arguments: tuple[object, ...], state: object) -> bytes:
    text, codec = (*arguments, "utf-8")[:2]
    if not isinstance(text, str) or codec not in CODECS:
        raise Refused(f"it asks for the codec {codec!r}")
    return text.encode(codec)


def _empty_bytes(arguments: tuple[object, ...], state: object) -> bytes:
    if arguments:
        raise Refused("it asks for 'builtins.bytes' of something")
    return b""


def _set(arguments: tuple[object, ...], state: object) -> set[object]:
    members = arguments[0]
    nested = (list, dict, tuple, set, np.ndarray)
    if not isinstance(members, (list, tuple)) or any(isinstance(member, nested) for member in members):
        raise Refused("a set of something other than numbers and text")
    return set(members)


def _slice(arguments: tuple[object, ...], state: object) -> slice:
    if not all(end is None or type(end) is int for end in arguments):
        raise Refused("damaged: a slice of something other than whole numbers")
    return slice(*arguments)


MAKERS: Mapping[Name, Maker] = {
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _encoded,
    ("builtins", "bytes"): _empty_bytes,
    ("builtins", "set"): _set,
    ("builtins", "slice"): _slice,
    **{
        (f"numpy.{core}.{module}", name): maker
        for core in ("core", "_core")
        for module, name, maker in (
            ("multiarray", "_reconstruct", _reconstructed),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _from_buffer),
        )
    },
}
SYMBOLS = frozenset({NDARRAY})
