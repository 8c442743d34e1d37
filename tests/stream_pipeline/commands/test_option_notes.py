"""Options without effect are told of, and no others."""

import argparse

import pytest

from ditto.media.level import Level
from ditto.motion.script import Script
from stream_pipeline.commands.option_notes import option_notes
from stream_pipeline.commands.render import add_arguments, settings_from
from stream_pipeline.options.effects import Render

SPEECH = Level(0.5)


@pytest.fixture
def told():
    """told(*options): the option_notes on a second of a still picture, where nothing else is said."""

    def make(*options, still=True, frames=25, level=SPEECH):
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        parsed = parser.parse_args([str(option) for option in options])
        return list(option_notes(Render(parsed, settings_from(parsed), still, frames, level)))

    return make


OFFICIAL = ("--config", "ditto_torch", "--data_root", ".")
NET = ("--enhancer", "codeformer", "--enhancer-model", "net.onnx")


@pytest.mark.parametrize(
    ("options", "why", "remedy"),
    [
        (["--steps", 10], "mini", OFFICIAL),
        (["--solver", "dpm++"], "mini", OFFICIAL),
        (["--match-light"], "mini", OFFICIAL),
        (["--crop-rotate", "off"], "mini", OFFICIAL),
        (["--crop-scale", 2], "--preprocess crop", ["--preprocess", "crop"]),
        (["--crop-vx", 0.0], "--preprocess crop", ["--preprocess", "extcrop"]),
        (["--preprocess", "extfull"], "as full", OFFICIAL),
        (["--blend-feather", 0.2], "--blend-region", ["--blend-region", "face"]),
        (["--match-colours"], "--blend-region", ["--blend-region", "mouth"]),
        (["--blend-mode", "strong"], "--blend-region", ["--blend-region", "face"]),
        (["--fidelity", 0.5], "no enhancer", NET),
        (["--enhancer-strength", 0.5], "no enhancer", ["--enhancer", "sharpen"]),
        (["--enhancer", "sharpen", "--fidelity", 0.5], "restorers", NET),
        (["--matting", "net.onnx", *OFFICIAL], "cuts nobody out", ["--background", "blur"]),
        (["--tile-size", 128], "no --background-upscaler", ["--background-upscaler", "net.onnx"]),
        (["--fade-in", 26], "never reaches its full size", ["--fade-in", 25]),
        (["--fade-out", 26], "from its first frame", ["--fade-out", 25]),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_it_is_told_where_it_holds_and_not_where_it_is_remedied(told, options, why, remedy):
    (words,) = told(*options)
    assert options[0 if options[0] != "--enhancer" else 2] in words
    assert why in words
    assert told(*options, *remedy) == []


@pytest.mark.parametrize(
    "options",
    [
        ["--loop", "end"],
        ["--no-face", "hold"],
        ["--template-frames", 3],
        ["--preserve-motion", 5],
        ["--source-smoothing", 5],
    ],
    ids=lambda value: value[0],
)
def test_what_is_for_videos_is_told_of_with_a_still_picture_alone(told, options):
    (words,) = told(*options)
    assert words.startswith(f"{options[0]} has no effect")
    assert told(*options, still=False) == []


def test_what_was_not_said_is_not_told_of(told):
    assert told() == []
    assert told("--preset", "fast") == []


def test_a_silent_voice_is_told_of(told):
    assert told(level=Level(0.0)) == ["the voice is silent; the lips stay closed"]


def test_a_quiet_voice_is_told_of_unless_it_is_normalised(told):
    assert ["is quiet" in line for line in told(level=Level(0.01))] == [True]
    assert told("--normalise", level=Level(0.01)) == []


def test_events_after_the_end_of_the_voice_are_counted(tmp_path, told):
    path = tmp_path / "script.yaml"
    path.write_text("gestures: [{at: 0s, do: nod}, {at: 2s, do: nod}]\nemotions: [{at: 3s, feel: happy}]")
    assert Script.load(path).layers
    (words,) = told("--script", path)
    assert words.startswith(
        "2 events of the script, the first at 2 s, begin after the voice has ended at 1 s"
    )
    assert told("--script", path, frames=100) == []
