"""What somebody meets who does not know the program yet: each wrong step is answered with the right one."""

import subprocess
import sys
from pathlib import Path

import pytest

from stream_pipeline.commands import main as ditto

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "program", [["inference.py"], ["-m", "ditto", "doctor"]], ids=["inference", "doctor"]
)
def test_a_python_without_the_packages_is_told_which_one_to_use(program):
    bare = subprocess.run(
        [sys.executable, "-S", *program], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert bare.returncode == 1
    assert len(bare.stderr.splitlines()) == 1
    assert "make demo" in bare.stderr
    assert f".venv/bin/python {program[0]}" in bare.stderr


@pytest.mark.parametrize(
    ("called", "name"), [("/x/ditto/__main__.py", "python -m ditto"), ("/x/bin/ditto-engine", "ditto-engine")]
)
def test_hints_name_the_program_as_it_was_called(run, monkeypatch, called, name):
    monkeypatch.setattr(sys, "argv", [called])
    code, _, errors = run("frobnicate", main=ditto)
    assert code == 1
    assert f"'{name} -h'" in errors[0]


@pytest.mark.parametrize(
    ("missing", "words"),
    [("a", "a voice (-a, or --say"), ("o", "an output file (-o)"), ("i", "a portrait (-i)")],
)
def test_what_is_missing_is_named_and_nothing_else(refused, missing, words):
    refused([f"still needed: {words}"], **{missing: None})


def test_two_voices_or_two_places_are_refused(refused):
    refused(["-a", "--say"], "--say", "hello")
    refused(["-o", "--result_dir"], "--result_dir", "results")


def test_a_name_that_does_not_say_what_is_to_be_made_is_refused(refused):
    refused(["out: no kind of file in the name", "add .mp4", "end it with /", "png-sequence"], o="out")


@pytest.mark.parametrize(
    "said", [["-o", "frames/"], ["-o", "known"], ["-o", "x", "--format", "png-sequence"]]
)
def test_a_folder_that_is_meant_is_filled_with_pictures(folder, run, said):
    (folder / "known").mkdir()
    code, _, errors = run("-i", "portrait.jpg", "-a", "speech.wav", *said)
    assert (code, errors) == (0, [])
    assert (folder / said[1] / "000000.png").is_file()


def test_an_option_out_of_range_is_called_as_it_is_typed(refused):
    refused(["--pose-style: style.pose_style is 99, but must be from 0 to 45"], "--pose_style", "99")
    refused(["--crf: output.crf is 70"], "--crf", "70", "--seed", "3")
    refused(["--steps: motion.steps is 0"], "--steps", "0")


def test_a_setting_of_a_file_is_not_blamed_on_an_option(folder, run):
    (folder / "own.yaml").write_text("output: {crf: 70}")
    _, _, errors = run(
        "-i", "portrait.jpg", "-a", "speech.wav", "-o", "out.mp4", "--config", "own.yaml", "--seed", 3
    )
    assert errors == ["output.crf is 70, but must be from 0 to 51"]


def test_checkpoints_that_are_not_there_can_be_downloaded(refused):
    refused(["v.pkl: no such file", "python -m ditto download"], "--cfg_pkl", "v.pkl", "--data_root", "x")


def test_the_names_of_sadtalker_are_understood(folder, run):
    code, _, errors = run(
        "--source_image", "portrait.jpg", "--driven_audio", "speech.wav", "--result_dir", "results"
    )
    assert (code, errors) == (0, [])
    assert (folder / "results" / "portrait_speech.mp4").is_file()


def test_what_has_no_effect_is_told_unless_quiet_is_asked_for(folder, run):
    render = ["-i", "portrait.jpg", "-a", "speech.wav", "-o", "out.mp4", "--loop", "hold"]
    code, _, errors = run(*render)
    assert code == 0
    assert errors == ["note: --loop has no effect: it is for videos, and the source is a still picture"]
    assert run(*render, "--quiet") == (0, [], [])
