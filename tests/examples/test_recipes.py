"""Every recipe of the manual runs as it stands, on smaller examples."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

from cfg.settings import OutputSettings
from ditto.media.encode import open_sink
from ditto.media.video import VideoSource

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.S | re.M)
FRAMES = 8


def blocks(page):
    return [(language, text) for language, text in FENCE.findall((ROOT / "docs" / page).read_text("utf-8"))]


def numbered(page, *languages):
    return [
        pytest.param(language, text, id=f"{page}-{number}-{language}")
        for number, (language, text) in enumerate(blocks(page))
        if language in languages
    ]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The examples, a tenth of their size, in a folder laid out like the repository."""
    folder = tmp_path_factory.mktemp("recipes")
    examples = folder / "examples"
    shutil.copytree(ROOT / "examples", examples)
    for path in examples.glob("*.jpg"):
        image = cv2.imread(str(path))
        size = (round(image.shape[1] * 256 / image.shape[0]), 256)
        cv2.imwrite(str(path), cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    video = VideoSource(ROOT / "examples" / "astronaut_video.mp4", max_size=256)
    sink = open_sink(examples / "astronaut_video.mp4", video.frame(0).shape[:2], None, OutputSettings())
    for index in range(12):
        sink.write(video.frame(index), index)
    sink.close()
    video.close()
    samples, rate = soundfile.read(ROOT / "examples" / "speech.flac")
    soundfile.write(examples / "speech.flac", samples[: FRAMES * rate // 25], rate)
    (folder / "sounds").mkdir()
    shutil.copy(examples / "speech.flac", folder / "sounds")
    shutil.copy(examples / "drawn_woman.jpg", folder / "portrait.jpg")
    (folder / "portraits").mkdir()
    for name in ("drawn_woman.jpg", "drawn_man.jpg"):
        shutil.copy(examples / name, folder / "portraits")
    for name, portrait in (("anna", "drawn_woman"), ("ben", "drawn_man")):
        (folder / name).mkdir()
        shutil.copy(examples / f"{portrait}.jpg", folder / f"{name}.jpg")
        soundfile.write(folder / name / "hello.wav", samples[: rate // 5], rate)
    for language, text in blocks("batches.md"):
        if language in ("csv", "yaml"):
            (folder / f"jobs.{language}").write_text(text, "utf-8")
    shutil.copy(ROOT / "inference.py", folder)
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    return folder


@pytest.fixture
def here(small, monkeypatch):
    monkeypatch.chdir(small)
    shutil.rmtree(small / "output", ignore_errors=True)
    return small


def run_shell(text, folder):
    """The lines of a shell block, `python` being this one."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for line in text.replace("\\\n", " ").splitlines():
        for command in line.split("&&"):
            words = shlex.split(command)
            words[0] = sys.executable if words[0] == "python" else words[0]
            subprocess.run(words, cwd=folder, env=environment, check=True, timeout=120, capture_output=True)


def readable(folder):
    """The videos that were made, each opened and read to its end."""
    made = sorted(folder.rglob("*.mp4"))
    for path in made:
        video = VideoSource(path)
        assert np.ptp(video.frame(video.count - 1)) > 50
        video.close()
    return made


@pytest.mark.slow
@pytest.mark.parametrize(("language", "text"), numbered("recipes.md", "sh", "python"))
def test_a_recipe_makes_a_video(here, language, text):
    if language == "sh":
        run_shell(text, here)
    else:
        exec(compile(text, "docs/recipes.md", "exec"), {"__name__": "recipe"})
    assert readable(here / "output")


@pytest.mark.slow
def test_the_batches_of_the_manual_run(here):
    for language, text in blocks("batches.md"):
        if language == "sh":
            run_shell(text, here)
        elif language == "python":
            exec(compile(text, "docs/batches.md", "exec"), {"__name__": "recipe"})
    assert len(readable(here / "videos")) == 4
    assert (here / "videos" / "ben_hello.webm").stat().st_size > 1000
    run_shell("python -m ditto batch --jobs jobs.yaml -o listed --quiet", here)
    assert len(readable(here / "listed")) == 2


def test_every_recipe_that_is_announced_is_there():
    text = (ROOT / "docs" / "recipes.md").read_text("utf-8")
    wanted = re.findall(r"\]\(#([\w-]+)\)", text)
    titles = [
        re.sub(r"[^\w ]", "", t).strip().lower().replace(" ", "-")
        for t in re.findall(r"^## (.*)$", text, re.M)
    ]
    assert wanted == titles
