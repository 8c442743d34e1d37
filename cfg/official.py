"""The pickled configuration that the official checkpoints come with, read without running it.

A pickle is a program. Only what a configuration needs is admitted: plain containers, numbers, strings
and NumPy arrays of numbers. Anything else is refused by name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cfg.errors import ConfigError, did_you_mean
from cfg.unpickled_arrays import MAKERS, SYMBOLS
from cfg.unpickler import MAX_PICKLE_BYTES, Refused, read_data

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


def read_pickle(path: Path) -> dict[str, Any]:
    """The mapping in an official `.pkl`; refuses anything that is not plain data."""
    try:
        size = path.stat().st_size
        if size > MAX_PICKLE_BYTES:
            raise ConfigError(f"{path}: {size} bytes are too many for a configuration")
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    try:
        value = read_data(data, MAKERS, SYMBOLS)
    except Refused as error:
        raise ConfigError(f"{path}: not a pickled configuration of plain data: {error}") from error
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
    flags = {name: _flag(audio, name, path) for name in AUDIO2MOTION}
    keywords = _group(values, "default_kwargs", path, needed=False)
    for key in keywords:
        if not isinstance(key, str):
            raise ConfigError(f"{path}: default_kwargs has the key {key!r}, but keywords are text")
    return {
        "pack": {
            "name": "ditto",
            "format": formats[suffix],
            "root": str(root),
            "device": device,
            "files": chosen,
        },
        "flags": flags | {"w2f_type": str(audio.get("w2f_type", "hubert"))},
        "default_kwargs": keywords,
    }


def _group(values: dict[str, Any], key: str, path: Path, *, needed: bool = True) -> dict[str, Any]:
    found = values.get(key, None if needed else {})
    if not isinstance(found, dict):
        hint = did_you_mean(key, [str(k) for k in values]) if values else ""
        raise ConfigError(f"{path}: '{key}' is missing or not a mapping{hint}")
    return found


def _flag(group: dict[str, Any], name: str, path: Path) -> bool:
    value = group.get(name, True)
    if not isinstance(value, (bool, int, type(None))):
        raise ConfigError(f"{path}: {name} is of type {type(value).__name__}, but must be True or False")
    return bool(value)


def _file(group: dict[str, Any], key: str, root: Path, where: str) -> str:
    name = group.get(key)
    if not isinstance(name, str) or not name:
        raise ConfigError(f"{where}: '{key}' must name a file")
    return name if _is_file(name) else str(root / name)


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):  # no name for a file on this system
        return False
