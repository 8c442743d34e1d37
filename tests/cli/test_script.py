"""`ditto script`, and a render that follows one."""

import resource

import cv2
import numpy as np
import pytest

from ditto.media.video import VideoSource
from stream_pipeline.commands import main

GOOD = (
    "gestures: [{at: 0.1s, do: tilt_left, for: 2s}]\nemotions: [{at: 0, feel: happy}]\nfades: [{out: 3s}]\n"
)


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "script.yaml").write_text(GOOD)
    return tmp_path / "script.yaml"


def test_a_good_script_is_said_to_be_fine(script, run):
    code, out, _ = run("script", "check", script.name, main=main)
    assert code == 0
    assert "1 gesture, 1 emotion, 1 other entry" in out[0] and "3.40 s" in out[0]


def test_a_bad_script_is_named_with_its_line(script, run):
    script.write_text(GOOD + "gaze:\n  - {at: 1s, look: upp}\n")
    code, _, errors = run("script", "check", script.name, main=main)
    assert code == 1
    assert errors == ["script.yaml, line 5: gaze: 'upp' is nowhere to look; did you mean 'up'?"]


def test_a_script_is_drawn(script, run):
    code, _, _ = run("script", "preview", script.name, "-o", "timeline.png", "--seconds", 5, main=main)
    page = cv2.imread("timeline.png")
    assert code == 0
    assert page.shape[1] == 1600 and page.shape[0] > 300
    left, right = page[100:, 200:840], page[100:, 1400:1560]
    assert len(np.unique(left.reshape(-1, 3), axis=0)) > len(np.unique(right.reshape(-1, 3), axis=0))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["preview", "script.yaml", "-o", "out.jpg"], ".png"),
        (["preview", "script.yaml", "-o", "nowhere/out.png"], "cannot be written"),
        (["preview", "script.yaml", "-o", "out.png", "--seconds", "0"], "--seconds"),
        (["preview", "script.yaml"], "-o"),
        (["check", "missing.yaml"], "missing.yaml"),
        (["chek", "script.yaml"], "check"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(script, run, arguments, word):
    code, _, errors = run("script", *arguments, main=main)
    assert code == 1 and len(errors) == 1 and word in errors[0]


def test_an_empty_script_is_drawn_too(script, run):
    script.write_text("")
    assert run("script", "preview", script.name, "-o", "timeline.png", main=main)[0] == 0


def test_the_gestures_are_listed(run):
    code, out, _ = run("script", "gestures", main=main)
    assert code == 0 and any(line.startswith("nod") and "0.60 s" in line for line in out)


def test_a_render_follows_its_script(folder, run):
    (folder / "script.yaml").write_text(
        "ranges: [{at: 0, delta_roll: 10, rise: 0}]\nfades: [{out: 3, over: 0}]\n"
    )
    assert run("-i", "portrait.jpg", "-a", "speech.wav", "-o", "out.mp4", "--script", "script.yaml")[0] == 0
    portrait = cv2.imread("portrait.jpg")[..., ::-1].astype(int)
    video = VideoSource(folder / "out.mp4")
    away = [np.abs(video.frame(n).astype(int) - portrait).mean() for n in range(5)]
    video.close()
    assert min(away[:3]) > 3 * max(away[3:])


def test_a_preview_on_a_full_disk_is_one_line_and_leaves_nothing(folder, run):
    (folder / "nod.yaml").write_text("gestures:\n  - {at: 0s, do: nod}\n")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        code, _, errors = run("script", "preview", "nod.yaml", "-o", "nod.png", main=main)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (code, errors) == (1, ["nod.png: cannot be written: File too large"])
    assert not [path.name for path in folder.iterdir() if path.name.startswith((".", "nod.png"))]
