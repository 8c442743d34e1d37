"""Check of the installed ONNX Runtime: several distributions hold the same files, and there must be one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from cfg.errors import ModelError

PACKAGE = "onnxruntime"


@cache
def require_one_runtime() -> None:
    """Raises ModelError where two distributions have written the package; whoever was last is not known."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return
    found = list(distributions(Path(spec.origin).parents[1]))
    if len(found) > 1:
        raise ModelError(
            f"{' and '.join(f'{name} {version}' for name, version in found)} are both installed and have "
            f"overwritten each other's files: pip uninstall -y {' '.join(name for name, _ in found)}, "
            f"then pip install {PACKAGE}; for a GPU see docs/install.md, 'ONNX Runtime on a GPU'"
        )


def distributions(folder: Path) -> Iterator[tuple[str, str]]:
    """Name and version of each in a `site-packages` that has written into the package."""
    for info in sorted(folder.glob(f"{PACKAGE}*-*.dist-info")):
        record = info / "RECORD"
        lines = record.read_text(encoding="utf-8").splitlines() if record.is_file() else []
        if any(line.startswith(f"{PACKAGE}/") for line in lines):
            name, _, version = info.name.removesuffix(".dist-info").partition("-")
            yield name.replace("_", "-"), version
