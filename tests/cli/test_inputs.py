"""No command writes over what it reads, whichever option names it; a new option is covered, or fails here."""

from __future__ import annotations

import argparse
import os

import pytest

from scripts.video_flags import BLEND_CONTROL, PRESERVE_MOTION, VIDEO, run
from stream_pipeline.commands import main, parser_of_all
from stream_pipeline.commands.render import OWN_SOUND
from stream_pipeline.options.paths import InputPath, WrittenPath

TEXTS = (None, str, InputPath, WrittenPath)
WORDS = {  # options with free text that is not the name of a file
    *("say", "emotion", "device", "devices", "size", "aspect", "preset", "enhancer", "suffix", "only"),
    *("precision", "range", "endpoint", "revision", "fps"),
    *("portrait of demo", "cfg_pkl of doctor"),
}
FOLDERS = {"data_root", "examples", "onnx_dir", "hubert"}  # what is in them: see below


def text_options(parser, command=""):
    """(command, option) of all that take a free text."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, chosen in action.choices.items():
                yield from text_options(chosen, f"{command} {name}".strip())
        elif action.type in TEXTS and action.nargs != 0 and not action.choices:
            yield command, action


OPTIONS = list(text_options(parser_of_all()))
READING = [
    (command, action)
    for command, action in OPTIONS
    if not {action.dest, f"{action.dest} of {command}"} & (WORDS | FOLDERS) and action.type is not WrittenPath
]


def test_every_option_is_known_to_read_or_to_write():
    """One that names a file is tried below; words and folders are listed above."""
    found = {action.dest for _, action in OPTIONS} | {
        f"{action.dest} of {command}" for command, action in OPTIONS
    }
    assert found >= WORDS | FOLDERS
    written = {action.dest for _, action in OPTIONS if action.type is WrittenPath}
    assert written == {"output", "result_dir", "to", "trt_dir", "json"}
    tried = {action.dest for _, action in READING}
    assert tried == {
        *("source", "audio", "config", "cfg_pkl", "ctrl", "ref_eyeblink", "ref_pose", "background"),
        *("enhancer_model", "background_upscaler", "matting", "jobs", "file", "portrait"),
    }


@pytest.mark.parametrize("link", [None, os.symlink, os.link])
@pytest.mark.parametrize(("command", "action"), READING, ids=lambda v: v if isinstance(v, str) else v.dest)
def test_what_an_option_names_is_refused_as_output(folder, run, command, action, link):
    """Of commands that write; before anything is read, so that any content will do."""
    writing = {"render": ["-o"], "batch": ["-o"], "script preview": ["-o"], "bench": ["--json"]}.get(command)
    if writing is None:
        return
    (folder / "read.mp4").write_bytes(b"mine")
    output = "read.mp4"
    if link is not None:
        link("read.mp4", "link.mp4")
        output = "link.mp4"
    named = [action.option_strings[0], "read.mp4"] if action.option_strings else ["read.mp4"]
    code, _, errors = run(*command.split(), *named, *writing, output, main=main)
    assert (code, len(errors)) == (1, 1)
    assert "is an input too" in errors[0]
    assert (folder / "read.mp4").read_bytes() == b"mine"


@pytest.mark.parametrize("flags", [VIDEO, PRESERVE_MOTION, BLEND_CONTROL])
@pytest.mark.parametrize("option", ["--source_video", "--audio"])
def test_nor_is_what_the_scripts_for_videos_read(folder, refused, flags, option):
    (folder / "read.mp4").write_bytes(b"mine")
    given = {"--source_video": "portrait.jpg", "--audio": "speech.wav", option: "read.mp4"}
    words = [word for pair in given.items() for word in pair]
    refused(["is an input too"], *words, "--output", "read.mp4", main=lambda said: run("x", "", flags, said))


def test_a_portrait_among_numbered_pictures_and_its_neighbours_stay(folder, refused):
    (folder / "d").mkdir()
    (folder / "portrait.jpg").rename(folder / "d" / "000003.png")
    (folder / "d" / "000500.png").write_bytes(b"mine")
    refused(["000003.png", "is an input too"], i="d/000003.png", o="d/")
    refused(["000003.png", "is an input too"], "--overwrite", i="d/000003.png", o="d/")


def test_the_folder_worked_in_is_no_folder_for_pictures_by_accident(folder, refused):
    refused(["name a folder for the pictures"], o="./")
    refused(["holds portrait.jpg", "--overwrite"], o=f"../{folder.name}/")


def test_the_own_sound_of_a_video_is_not_written_over(folder, refused):
    (folder / "clip.mp4").write_bytes(b"mine")
    refused(["clip.mp4: is an input too"], i="clip.mp4", a=OWN_SOUND, o="clip.mp4")


def test_what_a_configuration_names_is_not_written_over(folder, refused, run):
    (folder / "behind.gif").write_bytes((folder / "portrait.jpg").read_bytes())
    (folder / "own.yaml").write_text("output: {background: behind.gif}\nsource: {max_size: 128}")
    refused(["behind.gif", "is an input too"], "--config", "own.yaml", o="behind.gif")


def test_what_an_earlier_run_wrote_is_replaced_as_ever(folder, run):
    for _ in range(2):
        code, _, errors = run(
            "-i", "portrait.jpg", "-a", "speech.wav", "-o", "out/", "--max-size", 96, "--quiet"
        )
        assert (code, errors) == (0, [])
    assert len(list((folder / "out").iterdir())) == 5


@pytest.mark.parametrize("taken", [".batch.jsonl", "report.json", ".report.json.part", "report.html"])
def test_the_files_of_a_batch_are_not_written_over_what_it_reads(folder, refused, taken):
    (folder / "out").mkdir()
    (folder / "script.yaml").write_text("gestures: [{at: 0s, do: nod}]")
    os.link(folder / "script.yaml", folder / "out" / taken)
    words = ["batch", "-i", "portrait.jpg", "-a", "speech.wav", "-o", "out", "--script", "script.yaml"]
    refused([taken, "is an input too"], *words, main=main)


def test_a_batch_does_not_put_its_videos_among_the_sounds(folder, refused):
    (folder / "sounds").mkdir()
    (folder / "speech.wav").rename(folder / "sounds" / "a.wav")
    refused(
        ["every file is an input"], "batch", "-i", "portrait.jpg", "-a", "sounds", "-o", "sounds", main=main
    )


def test_but_into_a_folder_below_them(folder, run):
    (folder / "sounds").mkdir()
    (folder / "speech.wav").rename(folder / "sounds" / "a.wav")
    words = [
        "batch",
        "-i",
        "portrait.jpg",
        "-a",
        "sounds",
        "-o",
        "sounds/videos",
        "--max-size",
        "96",
        "--quiet",
    ]
    assert run(*words, main=main)[0] == 0


def test_what_the_settings_of_a_job_name_is_not_written_over(folder, run):
    (folder / "out").mkdir()
    (folder / "out" / "behind.gif").write_bytes(b"mine")
    (folder / "jobs.yaml").write_text(
        "jobs:\n- {source: portrait.jpg, audio: speech.wav, output: behind.gif, "
        "settings: {output: {background: out/behind.gif}}}\n"
    )
    code, _, errors = run("batch", "--jobs", "jobs.yaml", "-o", "out", "--max-size", 96, "--quiet", main=main)
    assert code == 1 and "is an input too" in errors[0]
    assert (folder / "out" / "behind.gif").read_bytes() == b"mine"


def test_the_sheet_of_the_demo_is_not_its_portrait(folder, refused):
    (folder / "portrait.jpg").rename(folder / "demo.png")
    (folder / "speech.wav").rename(folder / "speech.flac")
    words = ["demo", "--examples", ".", "--to", ".", "--portrait", "demo.png"]
    refused(["demo.png", "is an input too"], *words, main=main)


@pytest.mark.parametrize("content", [b"weights", b'{"kind": "configuration"}', b"[]"])
def test_rows_of_a_bench_replace_nothing_but_such(folder, refused, content):
    (folder / "model.pth").write_bytes(content)
    refused(["model.pth", "holds no rows"], "bench", "--pack", "mini", "--json", "model.pth", main=main)
