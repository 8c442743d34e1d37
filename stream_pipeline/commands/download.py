"""`ditto download`: fetches the official checkpoints, on explicit request only."""

from __future__ import annotations

import argparse
import logging
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from cfg.errors import ConfigError, DittoError, ModelError
from cfg.install_hints import installing
from model_formats.backend import sha256
from stream_pipeline.options.paths import WrittenPath

REPOSITORY = "digital-avatar/ditto-talkinghead"
PARTS = {
    "torch": ("ditto_pytorch/*", "ditto_cfg/v0.4_hubert_cfg_pytorch.pkl"),
    "onnx": ("ditto_onnx/*",),
    "trt": ("ditto_trt_Ampere_Plus/*", "ditto_cfg/v0.4_hubert_cfg_trt*.pkl"),
}
LICENCE = """\
The official Ditto checkpoints are published under Apache-2.0 by their authors. Two of the files
in them, the face detector (det_10g) and the 106-point landmarks (2d106det), come from InsightFace,
whose models are for non-commercial research only. docs/checkpoints.md has the details.
Add --accept-licences to say that you have read this."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    give = parser.add_argument
    give("--format", choices=sorted(PARTS), default="torch", help="which set of files (default: torch)")
    give(
        "--to",
        type=WrittenPath,
        default="checkpoints",
        metavar="DIR",
        help="where they go (default: checkpoints)",
    )
    give("--endpoint", metavar="URL", help="another hub that serves the same repository")
    give("--revision", default="main", help="commit or tag of the repository")
    give("--accept-licences", action="store_true", help="say that you have read the licence notice")


def download(parsed: argparse.Namespace) -> int:
    try:
        import huggingface_hub as hub
    except ImportError:
        raise ConfigError(f"downloading needs huggingface_hub: {installing('download')}") from None
    if not parsed.accept_licences:
        print(LICENCE, file=sys.stderr)
        raise ConfigError("nothing was downloaded: the licence notice was not accepted")
    hub.logging.set_verbosity(logging.CRITICAL)  # our own error says it
    target = Path(parsed.to)
    api = hub.HfApi(endpoint=parsed.endpoint)
    files = listed(api, parsed.revision, PARTS[parsed.format])
    for number, entry in enumerate(files, 1):
        print(f"[{number}/{len(files)}] {entry.path} ({entry.size / 1e6:.1f} MB)")
        fetch(hub, parsed, entry, target)
    print(f"{len(files)} files in {target}, sizes and checksums right")
    return 0


def listed(api: Any, revision: str, patterns: tuple[str, ...]) -> list[Any]:
    """The repository's files that belong to the set asked for, with size and checksum."""
    try:
        entries = list(api.list_repo_tree(REPOSITORY, recursive=True, revision=revision))
    except Exception as error:
        raise unreachable(error) from error
    files = [e for e in entries if hasattr(e, "size") and any(fnmatch(e.path, p) for p in patterns)]
    if not files:
        raise ModelError(f"{REPOSITORY} has no files like {', '.join(patterns)} at revision '{revision}'")
    return files


def fetch(hub: Any, parsed: argparse.Namespace, entry: Any, target: Path) -> None:
    """One file, resumed where an earlier try ended, and held to its checksum."""
    try:
        path = hub.hf_hub_download(
            REPOSITORY, entry.path, revision=parsed.revision, local_dir=target, endpoint=parsed.endpoint
        )
    except Exception as error:
        raise unreachable(error) from error
    wanted = getattr(entry.lfs, "sha256", None) if entry.lfs else None
    size = Path(path).stat().st_size
    if size != entry.size:
        raise ModelError(f"{path}: {size} bytes instead of {entry.size}; delete it and run the command again")
    if wanted and sha256(Path(path)) != wanted:
        raise ModelError(f"{path}: wrong checksum; delete it and run the command again")


def unreachable(error: Exception) -> DittoError:
    cause = " ".join(str(error).split())[:300] or type(error).__name__
    return ModelError(f"cannot fetch the checkpoints (is there a network?), run again to resume: {cause}")
