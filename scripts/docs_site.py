"""Adds to the pages in docs/, for `make docs`: an API reference, navigation, and files that lie elsewhere.

docs/README.md is the one list of pages: its headings and links become the navigation.
"""

from __future__ import annotations

import ast
import linecache
import posixpath
import re
from pathlib import Path

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PACKAGES = ("ditto", "ditto_server", "stream_pipeline", "model_formats", "cfg")
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)\s#]+)")
SECTION = re.compile(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", re.M | re.S)
COMMENT = re.compile(r"\S  # (?!type:|noqa)(.+)")
ENTRY = re.compile(r"\[([^]]+)\]\(([^)#\s]+\.md)\)")


def on_config(config: MkDocsConfig) -> None:
    """The navigation, from the index."""
    index = (Path(config.docs_dir) / "README.md").read_text(encoding="utf-8")
    nav: list[object] = [{"Ditto Engine": "README.md"}]
    for title, text in SECTION.findall(index):
        pages = [{name: path} for name, path in ENTRY.findall(text) if not path.startswith("..")]
        if pages:
            nav.append({title: pages})
    nav.append({"API": [{room: api_page(room)} for room in rooms()]})
    config.nav = nav


def on_files(files: Files, config: MkDocsConfig) -> None:
    """A page for each room of the code, and a copy of each file that a page links to outside docs/."""
    for room in rooms():
        files.append(File.generated(config, api_page(room), content=reference(room)))
    for known in list(files.documentation_pages()):
        for target in LINK.findall(known.content_string):
            path = repository_path(known.src_uri, target)
            if path is not None and files.get_file_from_path(copied(path)) is None:
                files.append(File.generated(config, copied(path), abs_src_path=str(ROOT / path)))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The page with its links outside docs/ turned to the copies."""
    source = page.file.src_uri

    def turned(link: re.Match[str]) -> str:
        path = repository_path(source, link[1])
        return link[1] if path is None else posixpath.relpath(copied(path), posixpath.dirname(source) or ".")

    return LINK.sub(turned, markdown)


class TrailingComments(griffe.Extension):
    """What stands beside a field or a constant, a shape or a unit, becomes its docstring."""

    def on_attribute_instance(
        self, *, node: ast.AST | griffe.ObjectNode, attr: griffe.Attribute, **_: object
    ) -> None:
        if attr.docstring is None and attr.lineno is not None:
            line = linecache.getline(str(attr.filepath), attr.endlineno or attr.lineno)
            if found := COMMENT.search(line):
                attr.docstring = griffe.Docstring(found[1], parent=attr, lineno=attr.lineno)


def rooms() -> list[str]:
    """The packages and folders of the code that hold files, by their dotted names."""
    folders = (path.parent for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
    return sorted({".".join(folder.relative_to(ROOT).parts) for folder in folders})


def api_page(room: str) -> str:
    return f"api/{room}.md"


def reference(room: str) -> str:
    """A room's page: its own docstring, then its files."""
    folder = ROOT / room.replace(".", "/")
    files = sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("__"))
    own = "options:\n      show_root_heading: false\n      show_submodules: false"
    parts = [f"# {room}", f"::: {room}\n    {own}"]
    return "\n\n".join([*parts, *(f"::: {room}.{name}" for name in files)]) + "\n"


def repository_path(source: str, target: str) -> str | None:
    """Where a link of a page leads, from the root of the repository; None within docs/ and to nowhere."""
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(source), target))
    return path if not path.startswith("docs/") and (ROOT / path).is_file() else None


def copied(path: str) -> str:
    """Where the site has a file of the repository; as text, so that a browser shows it."""
    return f"source/{path}.txt"
