"""Enhancers from the command line."""

import pytest

from ditto.media.video import VideoSource


def last_frame(path):
    video = VideoSource(path)
    try:
        return video.frame(video.count - 1).astype(int)
    finally:
        video.close()


def test_the_sharpener_changes_the_face_and_can_be_switched_off(folder, run):
    common = ["-i", "portrait.jpg", "-a", "speech.wav", "--crf", 0]
    assert run(*common, "-o", "plain.mp4")[0] == 0
    assert run(*common, "-o", "fine.mp4", "--enhancer", "sharpen")[0] == 0
    assert run(*common, "-o", "off.mp4", "--no-enhance")[0] == 0
    plain, fine, off = (last_frame(folder / f"{name}.mp4") for name in ("plain", "fine", "off"))
    assert abs(fine - plain).max() > 5
    assert abs(off - plain).max() == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--enhancer", "gfpgan"], ["--enhancer-model", "docs/enhancers.md"]),
        (["--enhancer", "gfpgann"], ["did you mean 'gfpgan'"]),
        (["--enhancer", "gfpgan", "--enhancer-model", "speech.wav"], ["ONNX files, not '.wav'"]),
        (["--background-upscaler", "none.onnx"], ["none.onnx", "no such file"]),
        (["--enhancer-strength", "2"], ["enhance.strength is 2.0", "0 to 1"]),
        (["--tile-size", "3"], ["enhance.tile_size"]),
        (["--no-enhance", "--enhancer", "sharpen"], ["--no-enhance"]),
    ],
)
def test_a_wrong_choice_is_said_in_one_line(refused, arguments, words):
    refused(words, *arguments)
