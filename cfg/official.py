"""The pickled configuration that the official checkpoints come with, read without running it.

A pickle is a program. This reader admits only what a configuration needs: plain containers,
numbers, strings and numpy arrays of numbers. Anything else is refused by name.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from cfg.errors import ConfigError, did_you_mean

LARGEST_FILE = 50_000_000  # bytes

NETWORKS = {
    "appearance_extractor_cfg": "appearance_extractor",
    "motion_extractor_cfg": "motion_extractor",
    "stitch_network_cfg": "stitch_network",
    "warp_network_cfg": "warp_network",
    "decoder_cfg": "decoder",
    "insightface_det_cfg": "insightface_det",
    "landmark106_cfg": "landmark106",
    "landmark203_cfg": "landmark203",
    "hubert_cfg": "hubert",
}
MESH_FILES = {
    "blaze_face_model_path": "blaze_face",
    "face_mesh_model_path": "face_mesh",
    "task_path": "face_landmarker_task",
}
AUDIO2MOTION = ("use_emo", "use_sc", "use_eye_open", "use_eye_ball")


def _plain(dtype: np.dtype[Any]) -> np.dtype[Any]:
    if dtype.hasobject or dtype.itemsize > 64:
        raise ConfigError("it holds an array of something other than numbers")
    return dtype


def _reconstruct(kind: Any, shape: Any, typecode: Any) -> Any:
    return np.ndarray.__new__(np.ndarray, (0,), "b")


def _scalar(dtype: Any, data: Any = b"") -> Any:
    return np.frombuffer(data, _plain(np.dtype(dtype)))[0]


def _from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> Any:
    return np.frombuffer(data, _plain(np.dtype(dtype))).reshape(shape, order=order)


def _encode(text: str, encoding: str = "utf-8") -> bytes:
    if encoding not in ("latin1", "latin-1", "utf-8", "ascii"):
        raise ConfigError(f"it asks for the codec '{encoding}'")
    return text.encode(encoding)


ADMITTED_MODULES = {
    "__builtin__": "builtins",
    "numpy.core.multiarray": "numpy",
    "numpy._core.multiarray": "numpy",
    "numpy.core.numeric": "numpy",
    "numpy._core.numeric": "numpy",
}
ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): "ndarray",  # only ever named, as the kind to reconstruct
    ("numpy", "dtype"): np.dtype,
    ("numpy", "_reconstruct"): _reconstruct,
    ("numpy", "scalar"): _scalar,
    ("numpy", "_frombuffer"): _from_buffer,
    ("collections", "OrderedDict"): dict,
    ("builtins", "set"): set,
    ("builtins", "slice"): slice,
    ("_codecs", "encode"): _encode,
}


class _NumbersOnly(pickle.Unpickler):
    """Admits numpy's way of storing arrays and nothing that could act."""

    def find_class(self, module: str, name: str) -> Any:
        module = ADMITTED_MODULES.get(module, module)
        if (module, name) in ADMITTED:
            return ADMITTED[module, name]
        raise ConfigError(f"it asks for '{module}.{name}', which a configuration has no use for")

    def persistent_load(self, pid: Any) -> Any:
        raise ConfigError("it refers to objects outside the file")


def read_pickle(path: Path) -> dict[str, Any]:
    """The mapping in an official `.pkl`; refuses anything that is not plain data."""
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise ConfigError(f"{path}: {size} bytes are too many for a configuration")
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    try:
        value = _NumbersOnly(io.BytesIO(data)).load()
    except ConfigError as error:
        raise ConfigError(f"{path}: refused: {error}") from error
    except Exception as error:
        raise ConfigError(f"{path}: not a pickled configuration: {type(error).__name__}: {error}") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: expected a mapping, found {type(value).__name__}")
    return value


def read_official(path: Path, root: Path) -> dict[str, Any]:
    """Settings (as nested mappings) for the official layout: a `.pkl` and the folder it speaks of.

    A model path in the file counts as it is when it exists, and relative to `root` otherwise.
    """
    values = read_pickle(path)
    base = _group(values, "base_cfg", path)
    audio = _group(values, "audio2motion_cfg", path)
    chosen: dict[str, str] = {}
    for key, role in NETWORKS.items():
        chosen[role] = _file(_group(base, key, path), "model_path", root, f"{path}: base_cfg.{key}")
    mesh = _group(base, "landmark478_cfg", path)
    for key, role in MESH_FILES.items():
        if mesh.get(key):
            chosen[role] = _file(mesh, key, root, f"{path}: base_cfg.landmark478_cfg")
    chosen["lmdm"] = _file(audio, "model_path", root, f"{path}: audio2motion_cfg")
    suffix = Path(chosen["warp_network"]).suffix
    formats = {".pth": "torch", ".pt": "torch", ".onnx": "onnx", ".engine": "trt", ".trt": "trt"}
    if suffix not in formats:
        raise ConfigError(
            f"{path}: warp_network is '{chosen['warp_network']}', neither .pth, .onnx nor .engine"
        )
    device = str(_group(base, "warp_network_cfg", path).get("device", "cuda"))
    flags = {name: bool(audio.get(name, True)) for name in AUDIO2MOTION}
    return {
        "pack": {
            "name": "ditto",
            "format": formats[suffix],
            "root": str(root),
            "device": device,
            "files": chosen,
        },
        "flags": flags | {"w2f_type": str(audio.get("w2f_type", "hubert"))},
        "default_kwargs": dict(_group(values, "default_kwargs", path, needed=False)),
    }


def _group(values: Any, key: str, path: Path, *, needed: bool = True) -> dict[str, Any]:
    found = values.get(key, None if needed else {})
    if not isinstance(found, dict):
        hint = did_you_mean(key, [str(k) for k in values]) if values else ""
        raise ConfigError(f"{path}: '{key}' is missing or not a mapping{hint}")
    return found


def _file(group: dict[str, Any], key: str, root: Path, where: str) -> str:
    name = group.get(key)
    if not isinstance(name, str) or not name:
        raise ConfigError(f"{where}: '{key}' must name a file")
    return name if Path(name).is_file() else str(root / name)
