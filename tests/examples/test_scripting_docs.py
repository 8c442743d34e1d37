import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cfg.yaml_lines import parse_located
from ditto.media.video import VideoSource
from ditto.motion.script import Script
from ditto.motion.script_groups import compiled
from stream_pipeline.engine import Engine

ROOT = Path(__file__).parents[2]


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / "scripting.md").read_text(), re.S)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with the examples, whose speech lasts a fifth of a second."""
    (tmp_path / "examples").mkdir()
    for name in ("drawn_woman.jpg", "script.yaml"):
        shutil.copy(ROOT / "examples" / name, tmp_path / "examples")
    hum = 0.1 * np.sin(np.arange(3200) * 0.1)
    soundfile.write(tmp_path / "examples" / "speech.flac", hum, 16000)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_scripts_in_the_manual_can_be_played():
    for text in blocks("yaml"):
        assert Script(*compiled(parse_located(text, "docs/scripting.md"))).layers


def test_the_programs_in_the_manual_run(folder):
    offline, live = blocks("python")
    exec(compile(offline, "docs/scripting.md", "exec"), names := {})
    for name in ("scripted.mp4", "happy.mp4"):
        video = VideoSource(folder / name)
        assert video.frame(4).shape[2] == 3
        video.close()
    with Engine.load("mini") as engine:
        avatar = engine.register("examples/drawn_woman.jpg")
        body = live.replace("with engine.session(avatar) as live:\n", "").replace("\n    ", "\n").strip()
        with engine.session(avatar) as running:
            exec(compile(body, "docs/scripting.md", "exec"), {**names, "live": running})
            running.push(np.zeros(16_000, np.float32))
            running.end()
            assert len(list(running.pictures(timeout=60))) == 25
