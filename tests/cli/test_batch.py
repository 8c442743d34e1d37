"""`ditto batch` and `batch_inference.py` as a user calls them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stream_pipeline.commands import main

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def sounds(folder, wav):
    (folder / "sounds").mkdir()
    for name in ("one", "two"):
        wav(folder / "sounds" / f"{name}.wav")
    return folder / "sounds"


@pytest.fixture
def batch(run):
    return lambda *arguments: run("batch", *arguments, main=main)


def test_a_folder_of_sounds_becomes_a_folder_of_videos_with_a_report(folder, sounds, batch):
    (sounds / "three.wav").write_bytes(b"not a sound")
    code, said, errors = batch("-i", "portrait.jpg", "-a", sounds, "-o", "videos", "--max-size", 128)
    assert code == 1
    assert ["note: " in line for line in errors] == [True, False]
    assert "three.wav" in errors[1]
    assert "2 made, 0 kept, 1 failed" in said[-1]
    assert {p.name for p in (folder / "videos").glob("*.mp4")} == {"one.mp4", "two.mp4"}
    assert json.loads((folder / "videos" / "report.json").read_text())["failed"] == 1
    (sounds / "three.wav").unlink()
    code, said, _ = batch("-i", "portrait.jpg", "-a", sounds, "-o", "videos", "--max-size", 128)
    assert code == 0
    assert "0 made, 2 kept, 0 failed" in said[-1]


def test_the_script_takes_the_names_people_know(folder, sounds):
    script = [sys.executable, SCRIPTS / "batch_inference.py", "--max-size", "128", "--quiet"]
    files = ["--source_image", "portrait.jpg", "--audio_dir", "sounds", "--output_dir", "videos"]
    subprocess.run([*script, *files], cwd=folder, check=True, timeout=60)
    assert {p.name for p in (folder / "videos").glob("*.mp4")} == {"one.mp4", "two.mp4"}


def test_a_bad_portrait_is_told_once_and_a_good_one_s_warnings_too(folder, sounds, batch, example_portrait):
    (folder / "people").mkdir()
    (folder / "people" / "bad.jpg").write_bytes(b"no picture")
    (folder / "people" / "group.jpg").write_bytes((example_portrait.parent / "drawn_man.jpg").read_bytes())
    code, _, errors = batch("-i", "people", "-a", sounds, "-o", "videos", "--max-size", 96)
    assert code == 1
    (warned,) = (line for line in errors if line.startswith("note: "))
    assert "group.jpg: the face is" in warned
    (failed,) = (line for line in errors if not line.startswith("note: "))
    assert failed.startswith("2 videos, such as bad/one.mp4: ")
    rows = json.loads((folder / "videos" / "report.json").read_text())["jobs"]
    assert [bool(row["warnings"]) for row in rows] == [False, False, True, True]
    assert "the face is" in (folder / "videos" / "report.html").read_text("utf-8")


def test_a_wrong_setting_in_a_list_is_told_before_anything_is_made(folder, sounds, batch):
    (folder / "jobs.csv").write_text(
        "source,audio,condition.emotion\nportrait.jpg,sounds/one.wav,\nportrait.jpg,sounds/two.wav,Hapy\n"
    )
    code, _, errors = batch("--jobs", "jobs.csv", "-o", "videos")
    assert code == 1
    assert len(errors) == 1
    assert "jobs.csv, line 3: " in errors[0]
    assert "did you mean 'Happy'" in errors[0]
    assert not list(folder.glob("videos/*.mp4"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-i", "portrait.jpg", "-a", "sounds"], "folder the videos go to"),
        (["-i", "portrait.jpg", "-o", "videos"], "folder of sounds"),
        (["--jobs", "x.csv", "-i", "portrait.jpg", "-o", "videos"], "remove -i and -a"),
        (["--jobs", "x.csv", "-o", "videos"], "x.csv"),
        (["-i", "portrait.jpg", "-a", "sounds", "-o", "speech.wav"], "is a file"),
        (["-i", "portrait.jpg", "--say", "hi", "-o", "videos"], "--say makes one video"),
        (["-i", "portrait.jpg", "-a", "sounds", "-o", "videos", "--workers", "0"], "from 1 to 64"),
        (["-i", "portrait.jpg", "-a", "sounds", "-o", "videos", "--devices", "gpu0"], "cuda:N"),
        (["-i", "portrait.jpg", "-a", "sounds", "-o", "videos", "--devices", "all"], "no GPU"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(folder, sounds, batch, arguments, said):
    code, _, errors = batch(*arguments)
    assert code == 1
    assert len(errors) == 1
    assert said in errors[0]


def test_failures_are_told_even_where_no_report_can_be_written(folder, sounds, batch):
    (sounds / "three.wav").write_bytes(b"not a sound")
    (folder / "videos" / "report.json").mkdir(parents=True)
    code, _, errors = batch("-i", "portrait.jpg", "-a", sounds / "three.wav", "-o", "videos")
    assert code == 1
    assert ["three.wav" in line for line in errors] == [True, False]
    assert "report.json: cannot be written" in errors[1]
    assert not list((folder / "videos").glob(".report*"))
