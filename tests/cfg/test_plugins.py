"""What other packages bring: found by name, imported when asked for, refused with the reason."""

import sys

import pytest

from cfg.errors import ConfigError
from cfg.plugins import PluginGroup

WORDS = PluginGroup("ditto.test_words", "word", str)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """installed(package, name, value): a package that brings `value` ("module:attribute") by a name."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(package, name, value):
        record = tmp_path / f"{package}-1.0.dist-info"
        record.mkdir()
        (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (record / "entry_points.txt").write_text(f"[ditto.test_words]\n{name} = {value}\n")

    return make


def test_a_plug_in_is_found_by_its_name(installed):
    installed("greetings", "morning", "sys:byteorder")
    assert WORDS.load("morning") == sys.byteorder
    assert WORDS.load("evening") is None


def test_the_packages_are_named_without_importing_them(installed):
    installed("greetings", "morning", "nowhere:WORD")
    installed("farewells", "evening", "nowhere:WORD")
    assert WORDS.packages() == {"evening": "farewells", "morning": "greetings"}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("nowhere:WORD", r"word 'morning' \(nowhere:WORD\) cannot be imported: No module named 'nowhere'"),
        ("sys:nothing", r"word 'morning' \(sys:nothing\) cannot be imported: .* no attribute 'nothing'"),
        ("sys:path", "word 'morning': sys:path must be a str, not list"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(installed, value, said):
    installed("greetings", "morning", value)
    with pytest.raises(ConfigError, match=said):
        WORDS.load("morning")


def test_a_name_that_two_packages_bring_is_refused(installed):
    installed("greetings", "morning", "sys:byteorder")
    installed("farewells", "morning", "sys:byteorder")
    with pytest.raises(ConfigError, match="'morning' is brought by several packages; uninstall all but one"):
        WORDS.load("morning")
