"""The web component as the server gives it: `tests/browser` sees it at work."""

import re
from pathlib import Path

import pytest

from ditto_server.live.app import PAGES
from ditto_server.live.bundle import bundled
from tests.ditto_server.conftest import running


@pytest.fixture(scope="module")
def component(mocks):
    class Source:
        portraits, speaks, faces = mocks.portraits, True, ()

    with running(Source()) as live, live.client() as client:
        yield client.get("/avatar.js", headers={"Origin": "https://anywhere.example"})


def test_pages_of_any_origin_may_load_it(component):
    assert component.status_code == 200
    assert component.headers["content-type"].startswith("text/javascript")
    assert component.headers["access-control-allow-origin"] == "*"
    assert component.headers["cross-origin-resource-policy"] == "cross-origin"


def test_it_is_one_file_that_loads_no_other(component):
    assert 'customElements.define("ditto-avatar"' in component.text
    assert not re.search(r"^\s*(import|export)\b|\bimport\(", component.text, re.MULTILINE)
    assert "http://" not in component.text


def test_what_is_imported_comes_once_and_before_it_is_needed():
    text = bundled(PAGES, "avatar")
    made = re.findall(r"^const (\w+)_ = \(\(\) => \{$", text, re.MULTILINE)
    assert made[-1] == "avatar" and len(made) == len(set(made))
    assert {"media", "wire", "movie", "microphone", "server"} <= set(made)
    for names, needed in re.findall(r"^const \{ (.+) \} = (\w+)_;$", text, re.MULTILINE):
        given = re.search(rf"^const {needed}_ = .*?^return \{{ (.*?) \}};$", text, re.MULTILINE | re.DOTALL)
        assert set(names.split(", ")) <= set(given[1].split(", "))
        assert text.index(f"const {needed}_ =") < text.index(f"}} = {needed}_;")


def test_every_module_of_a_page_is_found_by_those_that_import_it():
    for file in Path(PAGES).glob("*.js"):
        for needed in re.findall(r'from "(.+)";', file.read_text(encoding="utf-8")):
            assert (PAGES / needed).is_file(), f"{file.name} imports {needed}"
