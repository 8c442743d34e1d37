"""The files of the built-in pack, held to their checksums."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from pathlib import Path

from cfg.errors import ModelError

FOLDER = Path(str(files("checkpoints"))) / "mini"
MANIFEST = FOLDER / "manifest.json"


def path(name: str) -> Path:
    """Path of a file of the pack."""
    found = FOLDER / name
    if not found.is_file():
        raise ModelError(f"{found}: no such file; the built-in pack is incomplete, install the package again")
    return found


def manifest() -> dict[str, str]:
    """File name to SHA-256."""
    try:
        listed = json.loads(MANIFEST.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{MANIFEST}: cannot be read: {error}") from error
    return {str(name): str(digest) for name, digest in listed["sha256"].items()}


def digest(file: Path) -> str:
    """SHA-256 of a file's content."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def verify() -> None:
    """Raises ModelError that names the first file that is missing or not as it was made."""
    for name, wanted in manifest().items():
        if digest(path(name)) != wanted:
            raise ModelError(f"{path(name)}: its checksum is not the one it was shipped with; install again")
