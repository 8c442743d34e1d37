"""The three scripts for video sources, as they are run by hand."""

import subprocess
import sys
from pathlib import Path

import pytest

from ditto.media.sound import read_sound
from ditto.media.video import VideoSource
from scripts import video_flags
from stream_pipeline.commands.render import settings_from

ROOT = Path(__file__).parents[2]
VIDEO, SPEECH = ROOT / "examples" / "astronaut_video.mp4", ROOT / "examples" / "speech.flac"
FRAMES = 10


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    import soundfile

    path = tmp_path_factory.mktemp("sound") / "words.wav"
    soundfile.write(path, read_sound(SPEECH).samples[: FRAMES * 640], 16_000)
    return path


def run(script, *arguments):
    command = [sys.executable, str(ROOT / "scripts" / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("script", "own"),
    [
        ("inference_video.py", ["--template_n_frames", "4", "--drive_eye", "true"]),
        pytest.param("inference_video_preserve_motion.py", ["--motion_frames", "20"], marks=pytest.mark.full),
        pytest.param(
            "inference_video_blend_control.py",
            ["--blend_mode", "custom", "--blend_alpha", "0.7"],
            marks=pytest.mark.full,
        ),
    ],
)
def test_a_script_makes_a_video_as_long_as_the_sound(script, own, words, tmp_path):
    out = tmp_path / "out.mp4"
    done = run(script, "--source_video", VIDEO, "--audio", words, "--output", out, "--seed", "3", *own)
    assert (done.returncode, done.stderr) == (0, "")
    with VideoSource(out) as video:
        assert video.count == FRAMES
        assert video.has_sound


@pytest.mark.parametrize(("word", "driven"), [("true", True), ("false", False), ("auto", None)])
def test_whose_eyes_move_is_said_in_other_words(word, driven, monkeypatch):
    seen = []
    monkeypatch.setattr(video_flags, "render", lambda parsed: seen.append(settings_from(parsed)) or 0)
    files = ["--source_video", str(VIDEO), "--audio", str(SPEECH), "--output", "out.mp4"]
    assert video_flags.run("inference_video.py", "", video_flags.VIDEO, [*files, "--drive_eye", word]) == 0
    assert seen[0].stitch.drive_eye is driven


def test_a_wrong_flag_is_one_line(words, tmp_path):
    out = tmp_path / "out.mp4"
    given = ("--source_video", VIDEO, "--audio", words, "--output", out)
    done = run("inference_video_blend_control.py", *given, "--blend_mode", "custom")
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["--blend-mode: blend.mode 'custom' needs blend.alpha, from 0 to 1"]
    assert not out.exists()
