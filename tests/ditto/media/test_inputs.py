"""What is read is written over by nothing: files are told by what they are, not by what they are called."""

from __future__ import annotations

import os

import pytest

from cfg.errors import ConfigError
from cfg.settings import OutputSettings
from ditto.media.encode import open_sink
from ditto.media.inputs import Inputs
from ditto.media.segments import SegmentedVideo

SIZE = (64, 64)
SETTINGS = OutputSettings(preset="ultrafast")


@pytest.fixture
def read(tmp_path):
    """A file that is read."""
    path = tmp_path / "read.mp4"
    path.write_bytes(b"mine")
    return path


def linked(read):
    link = read.with_name("link.mp4")
    link.symlink_to(read)
    return link


def hard_linked(read):
    link = read.with_name("hard.mp4")
    os.link(read, link)
    return link


def spelled(read):
    (read.parent / "folder").mkdir()
    return read.parent / "folder" / ".." / read.name


def relative(read):
    return read.relative_to(read.parent)


@pytest.mark.parametrize("name", [lambda read: read, linked, hard_linked, spelled, relative])
def test_an_input_is_refused_as_output_under_any_name(read, monkeypatch, name):
    monkeypatch.chdir(read.parent)
    output = name(read)
    for inputs in (Inputs([read]), Inputs([output]) if output.exists() else Inputs()):
        with pytest.raises(ConfigError, match="is an input too"):
            inputs.check(read, output)
        with pytest.raises(ConfigError, match="is an input too"):
            open_sink(output, SIZE, None, SETTINGS, inputs)
    assert read.read_bytes() == b"mine"


@pytest.mark.parametrize(
    "working", [".out.part.mp4", ".out.mp4.parts/whole.mp4", ".out.mp4.parts/recipe.json"]
)
def test_no_name_that_is_used_on_the_way_may_be_an_input(tmp_path, working):
    read = tmp_path / working
    read.parent.mkdir(exist_ok=True)
    read.write_bytes(b"mine")
    inputs = Inputs([read])
    with pytest.raises(ConfigError, match="is an input too"):
        open_sink(tmp_path / "out.mp4", SIZE, None, SETTINGS, inputs)
    with pytest.raises(ConfigError, match="is an input too"):
        SegmentedVideo(tmp_path / "out.mp4", SIZE, None, SETTINGS, "", resume=False, inputs=inputs)
    assert read.read_bytes() == b"mine"


def test_a_place_beside_an_input_is_fine(tmp_path, read):
    Inputs([read]).check(tmp_path / "other.mp4", tmp_path / "read.webm")


def test_but_not_in_a_folder_of_which_every_file_is_read(tmp_path):
    (tmp_path / "sounds" / "videos").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "sounds")
    inputs = Inputs(folders=[tmp_path / "sounds"])
    for folder in ("sounds", "link", "sounds/videos/.."):
        with pytest.raises(ConfigError, match="every file is an input"):
            inputs.check(tmp_path / folder / "out.mp4")
    inputs.check(tmp_path / "sounds" / "videos" / "out.mp4", tmp_path / "out.mp4")


@pytest.mark.parametrize("overwrite", [False, True])
def test_pictures_replace_no_picture_that_is_read(tmp_path, overwrite):
    frames = tmp_path / "frames"
    frames.mkdir()
    (frames / "000003.png").write_bytes(b"mine")
    settings = OutputSettings(overwrite=overwrite)
    for inputs in (Inputs([frames / "000003.png"]), Inputs(folders=[frames])):
        with pytest.raises(ConfigError, match="input"):
            open_sink(frames, SIZE, None, settings, inputs)
    assert [p.name for p in tmp_path.iterdir()] == ["frames"]


def test_pictures_may_lie_beside_one_that_is_read_where_that_is_asked_for(tmp_path):
    (tmp_path / "portrait.png").write_bytes(b"mine")
    open_sink(
        tmp_path, SIZE, None, OutputSettings(overwrite=True), Inputs([tmp_path / "portrait.png"])
    ).abort()


def test_what_has_gone_meanwhile_is_no_longer_in_the_way(tmp_path, read):
    inputs = Inputs([read])
    read.unlink()
    for number in range(50):  # one of them may get the number that the removed file had
        (tmp_path / f"{number}.mp4").write_bytes(b"")
    inputs.check(read, *(tmp_path / f"{number}.mp4" for number in range(50)))


def test_what_was_put_in_its_place_meanwhile_is(tmp_path, read):
    inputs = Inputs([read])
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "new").replace(read)
    with pytest.raises(ConfigError, match="is an input too"):
        inputs.check(read)


@pytest.mark.parametrize("name", ["", "no\0name", "x" * 5000, "missing.mp4"])
def test_what_is_no_file_protects_nothing(tmp_path, name):
    Inputs([name], [name]).check(tmp_path / "out.mp4")
