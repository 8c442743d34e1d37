"""Commands that install what is missing, as they work for this installation."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def installing(extra: str) -> str:
    """The command that adds an extra: of the clone, where there is one, else by its packages' names."""
    if (ROOT / "pyproject.toml").is_file():
        place = "." if Path.cwd() == ROOT else str(ROOT)
        return f"{python()} -m pip install -e {shlex.quote(f'{place}[{extra}]')}"
    return f"{python()} -m pip install {' '.join(shlex.quote(package) for package in packages(extra))}"


def python() -> str:
    """The interpreter that is running, as it is called from the working folder."""
    path = Path(sys.executable)
    inside = path.is_relative_to(Path.cwd())
    return shlex.quote(str(path.relative_to(Path.cwd()) if inside else path))


def packages(extra: str) -> list[str]:
    """Packages that an extra brings, by the installed package's metadata."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        listed = requires("ditto-engine") or []
    except PackageNotFoundError:
        listed = []
    found = []
    for line in listed:
        wanted, _, condition = line.partition(";")
        if f"extra == '{extra}'" in condition.replace('"', "'"):
            found.append(wanted.strip())
    return found or [f"ditto-engine[{extra}]"]
