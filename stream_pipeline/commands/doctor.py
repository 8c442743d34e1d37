"""`ditto doctor`: what this machine can run, and what to install for more."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from cfg.errors import DittoError
from cfg.install_hints import installing

EXTRAS = {
    "torch": ("torch", "runs official .pth checkpoints"),
    "transformers": ("hubert", "the speech encoder from a local Hugging Face folder"),
    "onnx": ("export", "writes ONNX files, rewrites them for TensorRT"),
    "polygraphy": ("trt", "builds and verifies TensorRT engines"),
    "hibari-tts": ("tts", "text in place of a recording (--say)"),
    "aiortc": ("live", "a face to talk to in the browser (ditto live)"),
    "huggingface_hub": ("download", "fetches the official checkpoints"),
    "pi-heif": ("heic", "reads HEIC photos"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data_root", "--data-root", metavar="DIR", help="official checkpoints")
    parser.add_argument("--cfg_pkl", "--cfg-pkl", metavar="FILE", help="their configuration")


def doctor(parsed: argparse.Namespace) -> int:
    healthy = True
    for mark, line in [*machine(), *runtimes(), *extras(), *packs(parsed)]:
        print(f"[{mark}] {line}")
        healthy = healthy and mark != "!!"
    return 0 if healthy else 1


def machine() -> Iterator[tuple[str, str]]:
    yield "ok", f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    yield "ok", f"{os.cpu_count()} processor cores"
    yield kernels()


def kernels() -> tuple[str, str]:
    from ditto.kernels import level, library

    try:
        library()
    except DittoError as error:
        return "!!", f"kernels: {error}"
    return "ok", f"kernels for {level()}"


def runtimes() -> Iterator[tuple[str, str]]:
    import av

    yield onnx_runtime()
    encoder = "libx264" in av.codecs_available
    yield (
        ("ok" if encoder else "!!"),
        f"PyAV {av.__version__}, H.264 encoder {'found' if encoder else 'missing'}",
    )
    if (torch := _optional("torch")) is not None:
        cuda = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no CUDA device"
        yield "ok", f"PyTorch {torch.__version__}, {cuda}"
        yield from half_precisions()
    trt = _optional("tensorrt") or _optional("tensorrt_rtx")
    if trt is not None:
        yield "ok", f"{trt.__name__} {trt.__version__}"
    else:
        yield (
            "--",
            f"TensorRT is not installed; .engine files need a GPU and {installing('trt')}, or trt-rtx",
        )


def half_precisions() -> Iterator[tuple[str, str]]:
    from model_formats.processor import WANTED, lacks

    for precision in WANTED:
        reason = lacks(precision)
        yield ("--", reason) if reason else ("ok", f"{precision} is computed by this processor")


def onnx_runtime() -> tuple[str, str]:
    from model_formats.onnx_runtime_check import require_one_runtime

    try:
        require_one_runtime()
    except DittoError as error:
        return "!!", f"ONNX Runtime: {error}"
    import onnxruntime

    providers = [p.removesuffix("ExecutionProvider") for p in onnxruntime.get_available_providers()]
    return "ok", f"ONNX Runtime {onnxruntime.__version__}, providers: {', '.join(providers)}"


def extras() -> Iterator[tuple[str, str]]:
    for package, (extra, purpose) in EXTRAS.items():
        try:
            yield "ok", f"{package} {metadata.version(package)}: {purpose}"
        except metadata.PackageNotFoundError:
            yield "--", f"{package} is not installed; {installing(extra)}: {purpose}"


def packs(parsed: argparse.Namespace) -> Iterator[tuple[str, str]]:
    from ditto.packs.registry import names, plugin

    for name in names():
        try:
            found = plugin(name)
            found.verify()
        except DittoError as error:
            yield "!!", f"pack {name}: {error}"
        else:
            if not found.traits.has_files:
                yield "ok", f"pack {name}: all files present, checksums right"
    if parsed.data_root or parsed.cfg_pkl:
        yield _official(parsed)
    else:
        yield "--", "pack ditto: not looked for; name it with --data_root and --cfg_pkl"


def _official(parsed: argparse.Namespace) -> tuple[str, str]:
    from pathlib import Path

    from cfg.official import read_official

    if not parsed.data_root or not parsed.cfg_pkl:
        return "!!", "pack ditto: --data_root and --cfg_pkl belong together"
    try:
        pack = read_official(Path(parsed.cfg_pkl), Path(parsed.data_root))["pack"]
    except DittoError as error:
        return "!!", f"pack ditto: {error}"
    missing = [role for role, file in pack["files"].items() if not Path(file).is_file()]
    if missing:
        return "!!", f"pack ditto: no file for {', '.join(missing)} under {parsed.data_root}"
    return "ok", f"pack ditto ({pack['format']}): {len(pack['files'])} files found"


def _optional(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except Exception as error:
        if not isinstance(error, ImportError):
            print(f"{name}: {error}", file=sys.stderr)
        return None
