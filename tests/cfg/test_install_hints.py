"""What is missing is installed as README installs: from the clone, with the Python that runs."""

import sys
from pathlib import Path

from cfg import install_hints as hints
from cfg.install_hints import installing, packages

ROOT = Path(__file__).parents[2]


def test_in_the_clone_the_command_is_the_one_of_the_readme(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "executable", str(ROOT / ".venv" / "bin" / "python"))
    assert installing("tts") == ".venv/bin/python -m pip install -e '.[tts]'"
    assert installing("tts") in (ROOT / "README.md").read_text()


def test_elsewhere_it_names_the_clone(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert installing("tts").endswith(f" -m pip install -e '{ROOT}[tts]'")
    assert installing("tts").startswith(sys.executable)


def test_without_a_clone_it_names_the_packages(monkeypatch, tmp_path):
    monkeypatch.setattr(hints, "ROOT", tmp_path)
    assert installing("tts").endswith(" -m pip install 'hibari-tts>=0.2'")


def test_the_packages_of_an_extra_are_those_of_the_project():
    assert {name.partition(">")[0] for name in packages("hubert")} == {"torch", "transformers"}


def test_no_hint_names_a_package_of_a_registry_that_is_not_there():
    rooms = ("cfg", "ditto", "model_formats", "stream_pipeline", "scripts")
    code = [path.read_text() for room in rooms for path in (ROOT / room).rglob("*.py")]
    assert not any("pip install 'ditto-engine" in text for text in code)
