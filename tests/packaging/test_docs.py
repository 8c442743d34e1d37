"""The documentation: no page without a way to it, no link to nowhere, a site that builds without warnings."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
TEXTS = [
    *PAGES,
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "examples/README.md",
]
PRESENT = [
    page for page in TEXTS if page.parent.name != "log" and page.name != "CHANGELOG.md"
]  # not of the past
NAMED = re.compile(
    r"`((?:benchmarks|cfg|checkpoints/mini|ditto|ditto_server|examples|model_formats|scripts|stream_pipeline|tests)/[\w./*]*)`"
)
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([\w-]+))?\)")


def links(page):
    """(file, heading) of every link within the repository; the heading may be None."""
    for target, heading in LINK.findall(page.read_text("utf-8")):
        yield (page.parent / target).resolve() if target else page, heading or None


def headings(page):
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.S | re.M)
    titles = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


def test_the_index_lists_every_page():
    listed = {target for target, _ in links(DOCS / "README.md")}
    assert [str(page.relative_to(DOCS)) for page in PAGES if page not in listed | {DOCS / "README.md"}] == []


def test_the_readme_leads_to_the_index_and_to_contributing():
    assert {DOCS / "README.md", ROOT / "CONTRIBUTING.md"} <= {
        target for target, _ in links(ROOT / "README.md")
    }


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for target, heading in links(page):
        assert target.exists(), target
        assert heading is None or heading in headings(target), f"{target}#{heading}"


@pytest.mark.parametrize("page", PRESENT, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_exist(page):
    named = NAMED.findall(page.read_text("utf-8"))
    places = (ROOT, ROOT / "tests")  # coming_from.md names tests from their folder on
    assert [path for path in named if not any(any(top.glob(path.rstrip("/"))) for top in places)] == []


def test_the_architecture_has_a_row_for_every_room():
    rows = re.findall(r"^\| `([\w/]+)/` \|", (DOCS / "architecture.md").read_text("utf-8"), re.M)
    rooms = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "ditto").glob("*/*.py")}
    rooms |= {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"ditto"}
    assert rooms - set(rows) == set()


def test_decisions_are_named_alike():
    odd = [
        path.name for path in (DOCS / "decisions").iterdir() if not re.fullmatch(r"[a-z0-9_]+\.md", path.name)
    ]
    assert odd == []


@pytest.mark.parametrize("name", ["benchmarks.md", "mini_quality.md"])
def test_figures_begin_with_tables_that_name_date_commit_and_machine(name):
    first = (DOCS / name).read_text("utf-8").partition("\n|")[2].partition("\n\n")[0]
    assert re.search(r"\d{4}-\d\d-\d\d, [0-9a-f]{7}\b", first)
    assert "AVX-512" in first or "x86-64" in first


def test_the_changelog_has_what_comes_and_the_version_that_is():
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    assert headings[:2] == ["Unreleased", re.search(r'^version = "(.*)"$', project, re.M)[1]]


@pytest.mark.full
@pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="the extra 'docs' is not installed")
def test_the_site_builds_without_a_warning(tmp_path):
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    messages = (tmp_path / "api" / "ditto.stages.html").read_text("utf-8")
    assert "A piece of the voice, of any length." in messages  # a docstring,
    assert "(n,) mono, 16 kHz, -1..1" in messages  # and the comment beside a field
    assert (tmp_path / "source" / "examples" / "live.py.txt").is_file()
