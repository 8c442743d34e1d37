"""What the options of a render do: to the settings, and to the file that comes out."""

import argparse
import dataclasses
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from cfg.preset import ORDER
from cfg.reading import load
from stream_pipeline.commands.render import add_arguments, settings_from


def said(*options):
    """The settings a command line asks for."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return settings_from(parser.parse_args([str(option) for option in options]))


@pytest.mark.parametrize(
    ("options", "group", "expected"),
    [
        (["--expression-scale", 1.4], "style", {"expression_scale": 1.4}),
        (["--pose-style", 12], "style", {"pose_style": 12}),
        (["--pose_style", 12], "style", {"pose_style": 12}),
        (["--still"], "style", {"still": True}),
        (["--identity-weight", 0.3], "style", {"identity_weight": 0.3}),
        (
            ["--ref-eyeblink", "a.mp4", "--ref-pose", "b.mp4"],
            "style",
            {"ref_blink": "a.mp4", "ref_pose": "b.mp4"},
        ),
        (["--input-yaw", 0, 10, -10], "style", {"yaw": (0, 10, -10)}),
        (["--input-pitch", 3, "--input-roll", -4, 4], "style", {"pitch": (3,), "roll": (-4, 4)}),
        (["--preprocess", "extcrop", "--size", 256], "framing", {"preprocess": "extcrop", "size": 256}),
        (["--size", "source"], "framing", {"size": 0}),
        (["--aspect", "16:9", "--aspect-fit", "pad"], "framing", {"aspect": "16:9", "aspect_fit": "pad"}),
        (["--crop-scale", 2.6, "--crop-rotate", "off"], "source", {"crop_scale": 2.6, "crop_rotate": False}),
        (["--crop-vx", 0.1, "--crop-vy", 0], "source", {"crop_vx_ratio": 0.1, "crop_vy_ratio": 0}),
        (["--fps", 50, "--format", "webm"], "output", {"fps": 50, "format": "webm"}),
        (["--fps", "29.97"], "output", {"fps": Fraction(30_000, 1001)}),
        (["--background", "blur", "--match-light"], "output", {"background": "blur", "match_light": True}),
        (["--precision", "fp32"], "pack", {"precision": "fp32"}),
        (["--emotion", "happy:0.6"], "condition", {"emotion": "happy:0.6"}),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_an_option_sets_what_it_names_and_nothing_else(options, group, expected):
    settings = said(*options)
    usual = load("mini")
    changed = dataclasses.replace(getattr(usual, group), **expected)
    assert settings == dataclasses.replace(usual, **{group: changed})


NOT_SETTINGS = {  # what the command does with them is in test_commands.py
    "help", "source", "audio", "output", "result_dir", "say", "config", "cfg_pkl", "list_presets", "profile",
    "debug_stall", "quiet",
}  # fmt: skip
VALUES = {
    "data_root": "checkpoints",
    "ctrl": "script.yaml",
    "emotion": "sad",
    "expression_scale": 1.5,
    "max_size": 512,
    "tile_size": 128,
    "blend_region": "mouth",
    "enhancer_model": "net.onnx",
    "background_upscaler": "net.onnx",
    "matting": "net.onnx",
    "blend_alpha": 0.5,
    "fidelity": 0.5,
    "enhancer_strength": 0.5,
    "blend_feather": 0.2,
    "size": 256,
    "aspect": "1:1",
    "fps": 30,
    "background": "blur",
    "device": "cuda",
    "bitrate": 500_000,
    "ref_eyeblink": "a.mp4",
    "ref_pose": "a.mp4",
    "preset": "natural",
    "precision": "fp16",
}
BESIDE = {  # what an option cannot be said without
    "blend_alpha": ["--blend-mode", "custom"],
    "blend_mode": ["--blend-alpha", 0.5],
    "data_root": ["--config", "ditto_torch"],
    "precision": ["--config", "ditto_torch"],
    "no_enhance": ["--config", "enhanced.yaml"],
}


def options():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return [action for action in parser._actions if action.dest not in NOT_SETTINGS]


@pytest.mark.parametrize("option", options(), ids=lambda option: option.dest)
def test_no_option_is_without_effect_on_the_settings(option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "enhanced.yaml").write_text("enhance: {enhancer: sharpen}")
    (tmp_path / "script.yaml").write_text("gestures: [{at: 0s, do: nod}]")
    value = VALUES.get(option.dest, option.choices[-1] if option.choices else 7 if option.type is int else 1)
    beside = BESIDE.get(option.dest, [])
    without = said(*(["--config", beside[1]] if "--config" in beside else []))
    assert said(*beside, option.option_strings[-1], *([] if option.nargs == 0 else [value])) != without


def test_presets_lie_below_what_is_said_explicitly():
    settings = said("--preset", "expressive,fast", "--crf", 30)
    assert settings.style.expression_scale == 1.3
    assert (settings.output.crf, settings.output.preset) == (30, "ultrafast")


def test_presets_are_listed_with_what_they_are_for(run):
    code, lines, errors = run("--list-presets")
    assert (code, errors) == (0, [])
    assert [line.split()[0] for line in lines] == list(ORDER)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--preset", "expresive"], ["expresive", "did you mean 'expressive'"]),
        (["--expression-scale", "3"], ["style.expression_scale", "0.5 to 2"]),
        (["--expression-scale", "nan"], ["style.expression_scale"]),
        (["--pose-style", "46"], ["style.pose_style", "0 to 45"]),
        (["--identity-weight", "2"], ["style.identity_weight"]),
        (["--emotion", "happy:2"], ["--emotion", "from 0 to 1"]),
        (["--emotion", "happy:"], ["--emotion", "strength"]),
        (["--input-yaw", "99"], ["style.yaw", "-45"]),
        (["--input-yaw", "left"], ["--input-yaw", "left"]),
        (["--preprocess", "zoom"], ["--preprocess", "extcrop"]),
        (["--size", "ten"], ["--size", "source"]),
        (["--size", "10"], ["framing.size", "64"]),
        (["--aspect", "wide"], ["framing.aspect", "16:9"]),
        (["--aspect", "16:9", "--preprocess", "resize"], ["framing.aspect", "square"]),
        (["--crop-scale", "0.5"], ["source.crop_scale"]),
        (["--fps", "29"], ["--fps: output.fps is 29, but", "25, 29.97, 30"]),
        (["--fps", "fast"], ["--fps: output.fps is 'fast'", "29.97 or 30000/1001"]),
        (["--format", "avi"], ["--format", "webm"]),
        (["--background", "nowhere.png"], ["output.background", "transparent"]),
        (["--background", "transparent"], ["out.mp4", "cannot be transparent", ".webm"]),
        (["--background", "speech.wav"], ["speech.wav", "not a picture"]),
        (["--precision", "fp16"], ["pack.precision", "fp32"]),
        (["--ref-pose", "missing.mp4"], ["missing.mp4", "no such"]),
        (["--ref-eyeblink", "speech.wav"], ["speech.wav"]),
        (["--ref-pose", "portrait.jpg"], ["portrait.jpg", "single picture"]),
        (["--still", "--compat"], ["compat"]),
    ],
    ids=lambda value: " ".join(value)[:40],
)
def test_an_option_out_of_range_is_named(refused, options, words):
    refused(words, *options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--background", "blurr"], ["--background: output.background is 'blurr'"]),
        (["--background", "transparent"], ["out.mp4", "--background transparent", ".webm"]),
        (["--enhancer", "sharpn"], ["'sharpn' is not an enhancer; did you mean 'sharpen'"]),
        (["--enhancer", "gfpgan"], ["--enhancer-model"]),
        (["--enhancer", "gfpgan", "--enhancer-model", "none.onnx"], ["none.onnx: no such file"]),
        (["--background-upscaler", "none.onnx"], ["none.onnx: no such file"]),
        (["--ref-pose", "none.mp4"], ["none.mp4: no such file"]),
        (["--ref-eyeblink", "none.mp4"], ["none.mp4: no such file"]),
        (["--format", "gif", "--resume"], ["out.gif", "--resume"]),
    ],
    ids=lambda value: " ".join(value)[:40],
)
def test_what_is_not_there_is_told_before_any_network_is_opened(refused, options, words):
    refused(words, "--config", "ditto_onnx", "--data_root", "nowhere", "--device", "cpu", *options)


@pytest.fixture
def made(folder, run):
    """made(*options, to): the file that a render of 0.2 s of murmur gives."""

    def render(*options, to="out.mp4"):
        code, lines, errors = run("-i", "portrait.jpg", "-a", "speech.wav", "-o", to, *options)
        assert code == 0, errors
        return folder / lines[-1].split(": ")[0]

    return render


def pictures(path):
    with av.open(str(path)) as video:
        rate = video.streams.video[0].average_rate
        return np.stack([f.to_ndarray(format="rgb24") for f in video.decode(video=0)]), rate


def test_a_face_is_cropped_at_50_frames_a_second_before_another_background(made):
    shown, rate = pictures(
        made("--fps", 50, "--preprocess", "crop", "--size", 256, "--background", "#204060")
    )
    assert rate == 50 and shown.shape == (10, 256, 256, 3)
    corner = shown[:, :12, -12:].reshape(-1, 3).mean(axis=0)
    assert np.abs(corner - (0x20, 0x40, 0x60)).max() < 6
    assert np.abs(shown[:, 128, 128].astype(int) - (0x20, 0x40, 0x60)).max() > 40
    assert (np.abs(np.diff(shown[:9].astype(int), axis=0)).mean(axis=(1, 2, 3)) > 0).all()


def test_a_format_counts_over_the_name_and_may_be_transparent(made):
    path = made("--format", "webm", "--background", "transparent", "--size", 128)
    assert path.name == "out.webm" and pictures(path)[0].shape == (5, 128, 110, 3)


def test_pictures_in_a_folder_are_transparent_around_the_person(made):
    folder = made("--format", "png-sequence", "--background", "transparent", "--size", 128)
    files = sorted(folder.iterdir())
    assert folder.name == "out" and len(files) == 5
    with Pillow.open(files[2]) as picture:
        mask = np.array(picture)[..., 3]
    assert mask[:10, -10:].max() == 0 and mask[60:, 50:60].min() == 255


def test_a_resized_picture_is_a_square_and_a_padded_one_has_its_aspect(made):
    assert pictures(made("--preprocess", "resize", "--size", 96))[0].shape[1:3] == (96, 96)
    assert pictures(made("--aspect", "16:9", "--aspect-fit", "pad", "--size", 160))[0].shape[1:3] == (90, 160)
