"""Options for video sources and blending, as they are said on the command line."""

import argparse

import pytest

from stream_pipeline.commands.render import add_arguments
from stream_pipeline.options.table import overrides


def said(*arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return overrides(parser.parse_args(list(arguments)))


def test_options_of_a_video_source_become_settings():
    given = said("--template-frames", "9", "--preserve-motion", "40", "--loop", "end", "--no-face", "hold")
    assert given["source"] == {
        "template_frames": 9,
        "neutral_frames": 40,
        "loop": "end",
        "no_face": "hold",
    }


@pytest.mark.parametrize(("eyes", "driven"), [("driven", True), ("source", False)])
def test_eyes_are_the_sources_or_driven(eyes, driven):
    assert said("--eyes", eyes)["stitch"] == {"drive_eye": driven}


def test_options_of_blending_become_settings():
    given = said("--blend-mode", "custom", "--blend-alpha", "0.4", "--blend-region", "face", "--show-mask")
    assert given["blend"] == {"mode": "custom", "alpha": 0.4, "region": "face", "show_mask": True}


def test_what_is_not_said_is_left_to_the_settings():
    assert not {"blend", "source", "stitch"} & set(said())


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (["blend.alpha", "custom"], ["--blend-alpha", "0.5"]),
        (["blend.alpha", "0 to 1"], ["--blend-mode", "custom", "--blend-alpha", "7"]),
        (["template_frames", "at least 1"], ["--template-frames", "0"]),
        (["neutral_frames", "from 1"], ["--preserve-motion", "0"]),
    ],
)
def test_an_option_out_of_range_is_one_line(refused, words, arguments):
    refused(words, *arguments)


def test_a_portrait_has_no_sound_of_its_own(refused):
    refused(["portrait.jpg", "sound"], a="source")
