"""The web component as one file: the modules that the server's own page has too, one after the other."""

from __future__ import annotations

import re
from pathlib import Path

IMPORT = re.compile(r'^import \{ ([\w, ]+) \} from "\./(\w+)\.js";$', re.MULTILINE)
EXPORT = re.compile(r"^export ((?:async )?(?:class|function|const) (\w+))", re.MULTILINE)


def bundled(folder: Path, name: str) -> str:
    """A script of the module `name` and of all that it imports, each in a scope of its own."""
    taken: dict[str, str] = {}
    take(folder, name, taken)
    return "(() => {\n" + "\n".join(taken.values()) + "\n})();\n"


def take(folder: Path, name: str, taken: dict[str, str]) -> None:
    """Adds a module after those that it needs."""
    if name in taken:
        return
    text = (folder / f"{name}.js").read_text(encoding="utf-8")
    for needed in IMPORT.finditer(text):
        take(folder, needed[2], taken)
    given = ", ".join(found[2] for found in EXPORT.finditer(text))
    inside = EXPORT.sub(r"\1", IMPORT.sub(r"const { \1 } = \2_;", text))
    taken[name] = f"const {name}_ = (() => {{\n{inside}\nreturn {{ {given} }};\n}})();"
