"""Every program in the manual runs as it stands, on smaller examples."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import soundfile
from onnx import TensorProto, helper

from cfg.settings import OutputSettings
from ditto.media.encode import open_sink
from ditto.media.video import VideoSource

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.S | re.M)
FRAMES = 8
SHELL_PAGES = ("presets.md", "scripting.md", "video_sources.md", "enhancers.md")
UNFIT = re.compile(
    r"^make |^pip |-m pip |^session\.", re.M
)  # the environment's own, and a line out of a session


def blocks(page):
    path = ROOT / page if page == "README.md" else ROOT / "docs" / page
    return FENCE.findall(path.read_text("utf-8"))


def numbered(page, *languages):
    """The programs of a page; make test runs those of the first page a reader sees."""
    marks = [] if page == "README.md" else [pytest.mark.full]
    return [
        pytest.param(language, text, id=f"{page}-{number}-{language}", marks=marks)
        for number, (language, text) in enumerate(blocks(page))
        if language in languages and not UNFIT.search(text)
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
    for name in ("portrait.jpg", "portrait.png"):
        cv2.imwrite(str(folder / name), cv2.imread(str(examples / "drawn_woman.jpg")))
    soundfile.write(folder / "speech.wav", samples[: FRAMES * rate // 25], rate)
    onnx.save(restorer(), folder / "codeformer.onnx")
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


def restorer():
    """A network with the inputs of CodeFormer, which changes nothing."""
    shape = [1, 3, 512, 512]
    inputs = [("image", TensorProto.FLOAT, shape), ("w", TensorProto.DOUBLE, [1])]
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["w"], ["weight"], to=TensorProto.FLOAT),
            helper.make_node("Sub", ["weight", "weight"], ["nothing"]),
            helper.make_node("Add", ["image", "nothing"], ["restored"]),
        ],
        "restorer",
        [helper.make_tensor_value_info(*given) for given in inputs],
        [helper.make_tensor_value_info("restored", TensorProto.FLOAT, shape)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def here(small, monkeypatch):
    monkeypatch.chdir(small)
    for name in ("output", "out.mp4"):
        made = small / name
        shutil.rmtree(made) if made.is_dir() else made.unlink(missing_ok=True)
    return small


def run_shell(text, folder):
    """The lines of a shell block, `python` being this one."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for line in text.replace("\\\n", " ").splitlines():
        for command in line.split("&&"):
            words = shlex.split(command)
            words[0] = sys.executable if words[0].endswith("python") else words[0]
            subprocess.run(words, cwd=folder, env=environment, check=True, timeout=120, capture_output=True)


def readable(folder):
    """The videos made in a folder, or beside it, each opened and read to its end."""
    made = [*sorted(folder.rglob("*.mp4")), *folder.parent.glob("out.mp4")]
    for path in made:
        video = VideoSource(path)
        assert np.ptp(video.frame(video.count - 1)) > 50
        video.close()
    return made


@pytest.mark.parametrize(
    ("language", "text"),
    [
        *numbered("recipes.md", "sh", "python"),
        *numbered("README.md", "sh", "python"),
        *numbered("presets.md", "python"),
        *(case for page in SHELL_PAGES for case in numbered(page, "sh", "bash")),
    ],
)
def test_a_program_of_the_manual_makes_a_video(here, language, text):
    if language == "python":
        exec(compile(text, "manual", "exec"), {"__name__": "recipe"})
    else:
        run_shell(text, here)
    assert readable(here / "output")


@pytest.mark.full
def test_the_programs_for_developers_run(here, capsys):
    """Those of docs/sdk.md."""
    offline, live, reference = (text for language, text in blocks("sdk.md") if language == "python")
    exec(compile(offline, "docs/sdk.md", "exec"), {})
    capsys.readouterr()
    exec(compile(live, "docs/sdk.md", "exec"), {})
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == FRAMES
    assert shown[-1].startswith(f"frame {FRAMES - 1}, ")
    names = {"cfg_pkl": "mini", "data_root": None, "source_path": "portrait.png", "output_path": "out.mp4"}
    exec(compile(reference, "docs/sdk.md", "exec"), names | {"num_frames": 5, "audio": np.zeros(3200, "f4")})
    assert readable(here / "output") == [here / "out.mp4"]


def test_controls_and_enhancers_of_the_manual_are_what_they_say(here):
    exec(compile(blocks("controls.md")[0][1], "docs/controls.md", "exec"), names := {})
    assert names["controls"].at(60).delta_pitch == -2
    example, stage = (text for language, text in blocks("enhancers.md") if language == "python")
    exec(compile(example, "docs/enhancers.md", "exec"), names := {})
    warm = names["warmer"](None, None)(None, np.full((2, 2, 3), 100, np.uint8))
    assert warm[0, 0].tolist() == [104, 100, 95]
    exec(compile(stage, "docs/enhancers.md", "exec"), {})
    assert readable(here / "output") == [here / "output" / "warm.mp4"]


@pytest.mark.full
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
