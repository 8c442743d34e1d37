"""A path that leads nowhere, for every option of every command that takes one, is one line."""

import argparse
from pathlib import Path

import pytest

from stream_pipeline.commands import batch, convert, demo, export, render, script
from stream_pipeline.commands import main as ditto

COMMANDS = {  # and what each needs besides
    "render": (render, ["-i", "portrait.jpg", "-a", "speech.wav", "-o", "out.mp4", "--quiet"]),
    "batch": (batch, ["-i", "portrait.jpg", "-a", "speech.wav"]),
    "config show": (render, []),
    "demo": (demo, []),
    "export": (export, ["--data_root", ".", "--to", "to"]),
    "convert": (convert, ["--onnx_dir", ".", "--trt_dir", "to"]),
    "script check": (script, []),
    "script preview": (script, ["script.yaml"]),
}
TAKES_PATH = ("FILE", "DIR", "VIDEO", "FILE.onnx", "FILE.png", "NAME|FILE")
ELSEWHERE = ("--enhancer_model",)  # has an effect with another option only
HARMLESS = [("render", "--output-path", "a loop of links")]  # is replaced, as any other file
NAMES = {"too long": "n" * 300, "a loop of links": "loop.mp4"}


def options():
    for command, (module, _) in COMMANDS.items():
        parser = argparse.ArgumentParser()
        module.add_arguments(parser)
        for action in parser._actions:
            option = action.option_strings[-1] if action.option_strings else ""
            if action.metavar in TAKES_PATH and option not in ELSEWHERE:
                yield command, option


@pytest.fixture
def looped(folder):
    Path("loop.mp4").symlink_to("loop.mp4")
    (folder / "script.yaml").write_text("")
    return folder


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("command", "option"), list(options()))
def test_a_path_that_leads_nowhere_is_one_line(looped, run, command, option, name):
    code, _, errors = run(*command.split(), *COMMANDS[command][1], f"{option}={NAMES[name]}", main=ditto)
    assert len(errors) == code
    assert code == 1 or command == "config show" or (command, option, name) in HARMLESS


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("action", ["check", "preview"])
def test_a_script_that_leads_nowhere_is_one_line(looped, run, action, name):
    code, _, errors = run("script", action, NAMES[name], "-o", "out.png", main=ditto)
    assert (code, len(errors)) == (1, 1)
