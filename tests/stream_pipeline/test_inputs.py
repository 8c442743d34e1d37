"""An engine writes over nothing that it reads, whoever calls it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cfg.errors import ConfigError
from cfg.settings import Settings
from ditto.media.sound import read_sound
from ditto.motion.script import Script
from stream_pipeline.creator import Ditto
from stream_pipeline.engine import Engine
from stream_pipeline.recipe import named_files
from stream_pipeline.sdk import StreamSDK

LOST = "is an input too"


@pytest.fixture(scope="module")
def engine():
    with Engine.load("mini", source={"max_size": 128}) as loaded:
        yield loaded


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A portrait and a voice under names that a video could have."""
    monkeypatch.chdir(tmp_path)
    examples = Path(__file__).parents[2] / "examples"
    (tmp_path / "face.mp4").write_bytes((examples / "drawn_woman.jpg").read_bytes())
    with (tmp_path / "voice.mp4").open("wb") as file:
        soundfile.write(file, np.zeros(1600, np.float32), 16_000, format="WAV")
    return tmp_path


@pytest.mark.parametrize("options", [{}, {"audio": {"normalise": True}}, {"output": {"resume": True}}])
def test_neither_source_nor_voice_is_written_over(engine, files, options):
    avatar = engine.register("face.mp4")
    before = {path: path.read_bytes() for path in files.iterdir()}
    for target in ("face.mp4", "voice.mp4"):
        with pytest.raises(ConfigError, match=LOST):
            engine.render(avatar, "voice.mp4", target, **options)
        with pytest.raises(ConfigError, match=LOST):
            engine.render(avatar, read_sound("voice.mp4", normalise=True), target, **options)
    assert {path: path.read_bytes() for path in files.iterdir()} == before
    engine.release(avatar)


def test_a_source_that_is_played_elsewhere_is_not_written_over_until_it_is_released(engine, files):
    played = engine.register("face.mp4")
    with pytest.raises(ConfigError, match=LOST):
        engine.inputs(engine.settings).check(files / "face.mp4")
    engine.release(played)
    engine.inputs(engine.settings).check(files / "face.mp4")


def test_whichever_setting_names_a_file_it_is_an_input(tmp_path):
    """But for those whose words are given."""
    (tmp_path / "file").write_bytes(b"mine")
    name, tried = str(tmp_path / "file"), []
    for group in dataclasses.fields(Settings):
        settings = getattr(Settings(), group.name)
        for field in dataclasses.fields(settings):
            if not isinstance(getattr(settings, field.name), str):
                continue
            try:
                changed = dataclasses.replace(settings, **{field.name: name})
            except ConfigError:
                continue
            tried.append(f"{group.name}.{field.name}")
            found = named_files(dataclasses.replace(Settings(), **{group.name: changed}))
            assert tmp_path / "file" in found, tried[-1]
    assert {*tried} >= {
        *(
            "style.ref_blink",
            "style.ref_pose",
            "enhance.model",
            "enhance.upscaler",
            "output.background",
            "pack.matting",
        ),
    }


@pytest.mark.parametrize("given", [str, Script.load])
def test_a_script_is_an_input(engine, files, given):
    (files / "script.yaml").write_text("gestures: [{at: 0s, do: nod}]")
    settings = engine.with_settings({"stitch": {"controls": given("script.yaml")}})
    with pytest.raises(ConfigError, match=LOST):
        engine.inputs(settings).check(files / "script.yaml")


def test_so_is_the_configuration_an_engine_was_loaded_from(files):
    (files / "own.yaml").write_text("source: {max_size: 128}")
    with Engine.load("own.yaml") as engine, pytest.raises(ConfigError, match=LOST):
        engine.inputs(engine.settings).check(files / "own.yaml")
    with Ditto("own.yaml") as made, pytest.raises(ConfigError, match=LOST):
        made.engine.inputs(made.engine.settings).check(files / "own.yaml")


@pytest.mark.parametrize("written", ["face.mp4", "face.mp4.tmp.mp4"])
def test_the_sdk_of_the_reference_writes_over_nothing_it_reads(files, written):
    if written != "face.mp4":
        (files / written).hardlink_to(files / "face.mp4")
    with StreamSDK("mini", max_size=128) as sdk, pytest.raises(ConfigError, match=LOST):
        sdk.setup("face.mp4", "face.mp4" if written == "face.mp4" else written.removesuffix(".tmp.mp4"))
    assert (files / "face.mp4").stat().st_size > 1000


def test_voices_of_a_folder_are_not_written_over_by_their_videos(files):
    (files / "sounds").mkdir()
    (files / "voice.mp4").rename(files / "sounds" / "voice.mp4")
    with Ditto(source={"max_size": 128}) as made:
        made.load_source("face.mp4")
        (one,) = made.generate_batch("sounds", "sounds")
        assert LOST in str(one["error"])
        (one,) = made.generate_batch("sounds", "sounds", suffix=".webm")
        assert "every file is an input" in str(one["error"])
        (one,) = made.generate_batch(["sounds/voice.mp4"], "sounds")
        assert LOST in str(one["error"])
