"""Whatever is wrong, the command line says so in one line, with exit code 1, and leaves nothing."""

import json
import os
import pickle

import numpy as np
import pytest
import soundfile
import yaml
from PIL import Image

from cfg.official import NETWORKS
from stream_pipeline.commands import main as ditto

TEXT = b"Dear diary, this is no media file at all.\n" * 40
NOISE = np.random.default_rng(0).integers(0, 256, 5000, np.uint8).tobytes()


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (["--steps", "0"], ["motion.steps", "1 to 1000"]),
        (["--steps", "-3"], ["motion.steps"]),
        (["--steps", "1e9"], ["--steps", "1e9"]),
        (["--steps", "1001"], ["motion.steps"]),
        (["--steps"], ["--steps", "expected one argument"]),
        (["--overlap", "80"], ["motion.overlap", "0 to 79"]),
        (["--overlap", "-1"], ["motion.overlap"]),
        (["--seed", "-1"], ["motion.seed"]),
        (["--seed", "x"], ["--seed", "'x'"]),
        (["--seed", "9" * 30], ["motion.seed"]),
        (["--max-size", "0"], ["source.max_size", "64"]),
        (["--max-size", "100000"], ["source.max_size", "8192"]),
        (["--face", "-1"], ["source.face"]),
        (["--face", "100"], ["source.face"]),
        (["--face", "left"], ["--face", "left"]),
        (["--start", "5", "--end", "2"], ["audio.start", "audio.end"]),
        (["--start", "nan"], ["audio.start"]),
        (["--start", "-1"], ["audio.start"]),
        (["--start", "100"], ["speech.wav", "nothing is left"]),
        (["--end", "inf"], ["audio.end"]),
        (["--end", "0"], ["speech.wav", "nothing is left"]),
        (["--end", "soon"], ["--end", "soon"]),
        (["--fade-in", "-1"], ["stitch.fade_in"]),
        (["--fade-out", "9999999999"], ["stitch.fade_out"]),
        (["--fade-out", "2.5"], ["--fade-out"]),
        (["--crf", "52"], ["output.crf", "0 to 51"]),
        (["--crf", "-1"], ["output.crf"]),
        (["--bitrate", "1"], ["output.bitrate"]),
        (["--bitrate", "1" * 20], ["output.bitrate"]),
        (["--encoder-preset", "warp"], ["--encoder-preset", "veryfast"]),
        (["--emotion", "Hapy"], ["--emotion", "did you mean 'Happy'"]),
        (["--emotion", "8"], ["--emotion", "7 Contempt"]),
        (["--emotion", ""], ["--emotion", "not an emotion"]),
        (["--emotion", "1,,2"], ["--emotion", "not an emotion"]),
        (["--emotion", "²"], ["--emotion", "not an emotion"]),
        (["--device", "tpu"], ["pack.device", "cpu, cuda"]),
        (["--device", "cuda:x"], ["pack.device"]),
        (["--device", ""], ["pack.device"]),
        (["--config", "minni"], ["minni", "did you mean 'mini'"]),
        (["--config", "missing.yaml"], ["missing.yaml", "no such file"]),
        (["--config", "."], ["'.' is not a configuration"]),
        (["--cfg_pkl", "missing.pkl"], ["--cfg_pkl needs --data_root"]),
        (["--cfg_pkl", "missing.pkl", "--data_root", "."], ["missing.pkl", "no such file"]),
        (["--cfg_pkl", "a.pkl", "--config", "mini", "--data_root", "."], ["--config", "--cfg_pkl"]),
        (["--data_root", "missing"], ["--data_root", "--cfg_pkl"]),
        (
            ["--config", "ditto_onnx", "--data_root", "missing", "--device", "cpu"],
            ["missing", "no such file"],
        ),
        (["--say", "hello"], ["--say", "-a"]),
        (["--fadein", "3"], ["--fadein", "did you mean '--fade-in'"]),
        (["--frobnicate"], ["--frobnicate", "-h"]),
        (["stray"], ["stray"]),
    ],
    ids=lambda value: " ".join(value)[:40] or "empty",
)
def test_an_option_out_of_range_is_named(refused, option, words):
    refused(words, *option)


@pytest.mark.parametrize("missing", ["i", "a", "o"])
def test_what_is_not_given_is_asked_for(refused, missing):
    refused([f"-{missing}"], **{missing: None})


def test_an_unknown_command_is_refused_with_the_nearest_or_those_known(refused):
    refused(["rendr", "did you mean 'render'?"], "rendr", main=ditto)
    refused(["xylophone", "render", "doctor"], "xylophone", main=ditto)


def test_a_log_level_that_is_none_is_refused(refused, monkeypatch):
    monkeypatch.setenv("DITTO_LOG", "loud")
    refused(["DITTO_LOG", "loud", "WARNING"])


VOICES = {
    "empty.wav": b"",
    "text.wav": TEXT,
    "text.mp3": TEXT,
    "text.mp4": TEXT,
    "noise.flac": NOISE,
    "noise.m4a": NOISE,
    "header.flac": b"fLaC" + NOISE,
    "header.wav": b"RIFF" + NOISE,
    "header.ogg": b"OggS" + NOISE,
    "zeros.wav": bytes(5000),
}


@pytest.mark.parametrize("name", VOICES)
def test_a_voice_that_is_none_is_named(refused, folder, name):
    (folder / name).write_bytes(VOICES[name])
    refused([name], a=name)


def test_a_voice_that_is_missing_is_named(refused):
    refused(["nowhere.wav", "no such file"], a="nowhere.wav")


def test_a_folder_is_no_voice(refused, folder):
    (folder / "songs").mkdir()
    refused(["songs", "folder"], a="songs")


def test_a_name_too_long_for_a_file_is_refused(refused):
    refused(["xxx"], a="x" * 5000)


def test_a_voice_without_samples_is_refused(refused, wav, folder):
    wav(folder / "nothing.wav", seconds=0)
    refused(["nothing.wav", "no sound"], a="nothing.wav")


def test_a_truncated_header_is_refused(refused, folder):
    (folder / "cut.wav").write_bytes((folder / "speech.wav").read_bytes()[:30])
    refused(["cut.wav"], a="cut.wav")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(refused, folder, value):
    samples = np.zeros(8000, np.float32)
    samples[4000] = value
    soundfile.write(folder / "odd.wav", samples, 16000, subtype="FLOAT")
    refused(["odd.wav"], a="odd.wav")


def test_a_picture_is_no_voice(refused):
    refused(["portrait.jpg", "sound"], a="portrait.jpg")


PORTRAITS = {
    "empty.png": b"",
    "text.png": TEXT,
    "text.jpg": TEXT,
    "text.mp4": TEXT,
    "noise.webp": NOISE,
    "noise.mkv": NOISE,
    "header.jpg": b"\xff\xd8\xff\xe0" + NOISE,
    "header.gif": b"GIF89a" + NOISE,
    "header.png": b"\x89PNG\r\n\x1a\n" + NOISE,
}


@pytest.mark.parametrize("name", PORTRAITS)
def test_a_portrait_that_is_none_is_named(refused, folder, name):
    (folder / name).write_bytes(PORTRAITS[name])
    refused([name], i=name)


def test_a_portrait_that_is_missing_is_named(refused):
    refused(["nobody.png", "no such file"], i="nobody.png")


def test_a_folder_is_no_portrait(refused, folder):
    (folder / "people").mkdir()
    refused(["people", "folder"], i="people")


@pytest.mark.parametrize(("width", "height"), [(60000, 60000), (2**31 - 1, 2**31 - 1), (0, 0), (3, 3)])
def test_a_header_that_claims_an_odd_size_is_refused_before_it_is_believed(
    refused, folder, png, width, height
):
    png(folder / "claims.png", width, height)
    refused(["claims.png"], i="claims.png")


def test_a_picture_cut_short_is_refused(refused, folder):
    (folder / "cut.jpg").write_bytes((folder / "portrait.jpg").read_bytes()[:3000])
    refused(["cut.jpg"], i="cut.jpg")


@pytest.mark.parametrize("picture", ["noise", "black", "white"])
def test_a_picture_without_a_face_says_so(refused, folder, picture):
    rng = np.random.default_rng(3)
    pixels = {
        "noise": rng.integers(0, 256, (300, 300, 3), np.uint8),
        "black": np.zeros((300, 300, 3), np.uint8),
        "white": np.full((300, 300, 3), 255, np.uint8),
    }[picture]
    Image.fromarray(pixels).save(folder / "nobody.png")
    refused(["nobody.png", "no face"], i="nobody.png")


def test_a_sound_is_no_portrait(refused):
    refused(["speech.wav", "no pictures"], i="speech.wav")


def test_a_face_that_is_not_in_the_picture_is_refused(refused):
    refused(["portrait.jpg", "face"], "--face", "7")


def test_the_output_may_not_be_a_folder(refused, folder):
    (folder / "out.mp4").mkdir()
    refused(["out.mp4", "folder"])


def test_the_folder_of_the_output_may_not_be_a_file(refused):
    refused(["speech.wav"], o="speech.wav/out.mp4")


@pytest.mark.parametrize("name", ["out.exe", "out.mp5", "out.mp4.txt"])
def test_an_output_of_unknown_kind_is_refused(refused, name):
    refused([name, "mp4"], o=name)


def test_the_output_may_not_be_one_of_the_inputs(refused, folder):
    voice = folder / "voice.mp4"
    voice.write_bytes((folder / "speech.wav").read_bytes())
    refused(["voice.mp4"], a="voice.mp4", o="voice.mp4")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_named(refused, folder):
    (folder / "locked").mkdir(mode=0o555)
    refused(["locked"], o="locked/out.mp4")


def test_an_output_where_no_file_can_be_made_is_named(refused):
    refused(["/proc/nowhere"], o="/proc/nowhere/out.mp4")


CONTROLS = {
    "not JSON": ("{", ["line 1", "JSON"]),
    "empty": ("", ["JSON"]),
    "a number": ("7", ["frame number"]),
    "a word": ('"x"', ["frame number"]),
    "words for frames": ('{"first": {}}', ["'first'"]),
    "an unknown control": ('{"12": {"delta_yw": 5}}', ["frame 12", "did you mean 'delta_yaw'"]),
    "a word for a number": ('{"12": {"delta_yaw": "left"}}', ["frame 12", "delta_yaw", "number"]),
    "a list for a number": ('{"12": {"delta_yaw": [1, 2]}}', ["delta_yaw"]),
    "not a number": ('{"12": {"delta_yaw": NaN}}', ["delta_yaw", "finite"]),
    "infinity": ('{"0": {"delta_exp": 1e999}}', ["delta_exp", "finite"]),
    "more than a float holds": ('{"0": {"delta_exp": 1e300}}', ["delta_exp", "finite"]),
    "more than any float": (json.dumps({"0": {"delta_yaw": 10**400}}), ["delta_yaw"]),
    "digits without end": ('{"0": {"delta_yaw": ' + "9" * 9000 + "}}", ["ctrl.json"]),
    "a frame without end": ('{"' + "9" * 9000 + '": {}}', ["ctrl.json"]),
    "a raised digit": ('{"²": {}}', ["frame number"]),
    "the wrong width": ('{"0": {"delta_t": [1, 2]}}', ["delta_t", "3"]),
    "a ragged list": ('{"0": {"delta_t": [[1], [2, 3]]}}', ["delta_t"]),
    "a group for a number": ('{"0": {"delta_yaw": {"a": 1}}}', ["delta_yaw"]),
    "a number for controls": ('{"0": 5}', ["frame 0"]),
    "a list of rubbish": ("[1, 2, [3]]", ["frame 0"]),
    "an unknown part": ('{"0": {"fade_out_keys": ["nose"]}}', ["nose"]),
    "a number for parts": ('{"0": {"fade_out_keys": 5}}', ["5"]),
    "lists for parts": ('{"0": {"fade_out_keys": [["exp"]]}}', ["fade_out_keys"]),
    "a deep nest": ("[" * 100_000, ["ctrl.json"]),
    "a deep value": ('{"0": {"delta_t": ' + "[" * 200 + "]" * 200 + "}}", ["delta_t"]),
    "bytes": (b"\xff\xfe\x00", ["ctrl.json"]),
}


@pytest.mark.parametrize("case", CONTROLS)
def test_controls_that_make_no_sense_are_named_by_file_and_frame(refused, folder, case):
    content, words = CONTROLS[case]
    (folder / "ctrl.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(["ctrl.json", *words], "--ctrl", "ctrl.json")


def test_controls_that_are_missing_are_named(refused):
    refused(["nowhere.json"], "--ctrl", "nowhere.json")


CONFIGURATIONS = {
    "an unknown key": ("motion: {overlp: 3}", ["motion.overlp", "did you mean 'overlap'"]),
    "an unknown group": ("moton: {}", ["moton", "did you mean 'motion'"]),
    "a list": ("- 1", ["groups of settings"]),
    "a number for a group": ("motion: 5", ["motion", "group"]),
    "a word for a number": ("motion: {steps: many}", ["motion.steps", "int"]),
    "a truth for a number": ("motion: {steps: true}", ["motion.steps"]),
    "not YAML": ("a: [1", ["not valid YAML"]),
    "an object": ("a: !!python/object/apply:os.system ['true']", ["line 1", "tags"]),
    "an impossible date": ("motion: {seed: 2026-13-45}", ["motion.seed", "int"]),
    "digits without end": ("motion: {seed: " + "9" * 9000 + "}", ["motion.seed", "int"]),
    "a deep nest": ("[" * 5000, ["nested more than"]),
    "a control character": ("a: \0", ["not valid YAML"]),
    "a key of two": ("? [1]\n: 2", ["cannot be a key"]),
    "nothing but an alias": ("a: &a [*a]", ["aliases"]),
    "a bomb": (
        "a: &a0 [x, x]\n" + "".join(f"b{i}: &a{i + 1} [*a{i}, *a{i}]\n" for i in range(60)),
        ["aliases"],
    ),
    "bytes": (b"\xff\xfe\xfd", ["bad.yaml"]),
    "too much": (b"# long\n" * 200_000, ["bytes are too many"]),
}


@pytest.mark.parametrize("case", CONFIGURATIONS)
def test_a_configuration_that_makes_no_sense_is_refused(refused, folder, case):
    content, words = CONFIGURATIONS[case]
    (folder / "bad.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(words, "--config", "bad.yaml")


class Runs:
    """A pickle that would create a file when it is loaded."""

    def __reduce__(self):
        return (open, ("owned", "w"))


@pytest.mark.parametrize(
    "content",
    [b"", TEXT, NOISE, pickle.dumps([1]), pickle.dumps({"a": Runs()}), pickle.dumps({"base_cfg": {}})],
    ids=["empty", "text", "noise", "list", "hostile", "incomplete"],
)
def test_a_pickled_configuration_that_is_none_is_refused_and_never_run(refused, folder, content):
    (folder / "cfg.pkl").write_bytes(content)
    refused(["cfg.pkl"], "--cfg_pkl", "cfg.pkl", "--data_root", ".")
    assert not (folder / "owned").exists()


@pytest.mark.parametrize("suffix", [".onnx", ".pth", ".engine"])
@pytest.mark.parametrize("content", [b"", NOISE, TEXT, pickle.dumps({"a": Runs()})], ids=range(4))
def test_a_checkpoint_that_is_none_is_named(refused, folder, suffix, content):
    files = {role: f"{role}{suffix}" for role in NETWORKS.values()}
    files["lmdm"] = f"lmdm{suffix}"
    for name in files.values():
        (folder / name).write_bytes(content)
    kind = {".onnx": "onnx", ".pth": "torch", ".engine": "trt"}[suffix]
    device = "cuda" if kind == "trt" else "cpu"
    pack = {"name": "ditto", "format": kind, "root": str(folder), "device": device, "files": files}
    (folder / "official.yaml").write_text(yaml.safe_dump({"pack": pack}))
    words = [suffix] if kind != "trt" else []
    refused(words, "--config", "official.yaml")
    assert not (folder / "owned").exists()


def test_a_gpu_that_is_not_there_is_not_replaced_by_the_processor(refused, folder):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine can run CUDA")
    refused(["cuda"], "--device", "cuda")
