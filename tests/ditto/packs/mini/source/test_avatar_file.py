"""A registered portrait as a file: read back it paints the same frames; what is no such file is refused."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

from cfg.errors import MediaError
from cfg.settings import SourceSettings
from ditto import bundled
from ditto.faces.finder import FaceFinder
from ditto.media.picture import read_picture
from ditto.motion.pose import placement
from ditto.motion.vector import WIDTHS
from ditto.packs.mini.motion.expression_numbers import FULL_BLINK, METRE, Exp
from ditto.packs.mini.paint.decoder import MiniDecoder
from ditto.packs.mini.paint.warper import MiniWarper
from ditto.packs.mini.source.analyser import MiniAnalyser
from ditto.packs.mini.source.avatar_file import load_avatar, save_avatar
from ditto.stages.messages import Pose

EXAMPLES = Path(__file__).parents[5] / "examples"
STILL = np.zeros((1, 21, 3), np.float32)


@pytest.fixture(scope="module")
def frame():
    finder = FaceFinder.open(bundled.FOLDER)
    picture = read_picture(EXAMPLES / "drawn_woman.jpg", max_size=500)
    yield MiniAnalyser.of(finder, SourceSettings()).analyse(picture, 0)
    finder.close()


@pytest.fixture
def file(frame, tmp_path):
    path = tmp_path / "face.avatar"
    save_avatar(path, frame)
    return path


def painted(frame, yaw=0.0, **millimetres):
    rest = placement(frame.motion)
    expression = rest.expression.reshape(63).copy()
    for name, amount in millimetres.items():
        expression[Exp[name]] += amount * METRE
    drive = dataclasses.replace(rest, yaw=rest.yaw + yaw, expression=expression.reshape(21, 3))
    pose = Pose(0, 0, frame, STILL, STILL, rest, drive)
    return MiniDecoder()(pose, MiniWarper()(pose))


def rewritten(path, change):
    """The file with other arrays."""
    with np.load(path) as stored:
        arrays = dict(stored)
    change(arrays)
    np.savez(path.with_suffix(".npz"), **arrays)
    path.with_suffix(".npz").replace(path)


def about(arrays):
    return json.loads(arrays["about"].tobytes())


def with_about(arrays, **changed):
    arrays["about"] = np.frombuffer(json.dumps({**about(arrays), **changed}).encode(), np.uint8)


def with_number(name, value):
    return lambda arrays: with_about(arrays, numbers={**about(arrays)["numbers"], name: value})


def test_a_portrait_read_back_paints_the_same_frames_bit_for_bit(frame, file):
    back = load_avatar(file)
    moves = (
        {},
        {"yaw": 9.0},
        {"yaw": -6.0, "GAP": 9.0, "JAW": 8.0},
        {"BLINK_LEFT": FULL_BLINK, "BLINK_RIGHT": FULL_BLINK / 3},
    )
    pictures = [painted(frame, **move) for move in moves]
    for move, picture in zip(moves, pictures, strict=True):
        np.testing.assert_array_equal(painted(back, **move), picture)
    assert all((picture != pictures[0]).any() for picture in pictures[1:])


def test_measurements_and_remarks_come_back(frame, file):
    back = load_avatar(file)
    for name in ("landmarks", "eye_open", "eye_ball", "to_frame"):
        np.testing.assert_array_equal(getattr(back, name), getattr(frame, name))
    assert back.warnings == frame.warnings
    assert placement(back.motion).yaw == placement(frame.motion).yaw


def test_the_same_portrait_gives_the_same_bytes(frame, file, tmp_path):
    save_avatar(tmp_path / "again", load_avatar(file))
    assert (tmp_path / "again").read_bytes() == file.read_bytes()


def test_a_file_of_this_version_keeps_the_names_that_it_has(file):
    """What is renamed in the code asks for another version, or for the name in the file to stay."""
    with np.load(file) as stored:
        names, numbers = set(stored.files), set(about(stored)["numbers"])
    head = {f"head.{name}" for name in ("points", "face", "turn", "pivot")}
    head |= {f"head.rings.{name}" for name in ("points", "depth", "weight", "pull")}
    head |= {f"head.contour.{name}" for name in ("beyond", "edges", "within", "across")}
    eyes = {f"eyes.{n}.{name}" for n in (0, 1) for name in ("texture", "skin", "pupil", "lash")}
    ground = {f"background.{name}" for name in ("layered", "plate", "solid", "bare")}
    measured = {"landmarks", "eye_open", "eye_ball", "to_frame", "warnings"}
    motion = {f"motion.{name}" for name in WIDTHS}
    mouth = {"mouth.colours", "mouth.own_mouth"}
    assert names == {"about", "image", "opaque", *head, *eyes, *ground, *measured, *motion, *mouth}
    head = {f"head.{name}" for name in ("scale", "gap", "eyes_open", "pitch", "yaw", "roll")}
    head |= {"head.rings.box", "head.rings.wide_box"}
    eyes = {f"eyes.{n}.{name}" for n in (0, 1) for name in ("corner", "radius", "lashes", "width")}
    assert numbers == {"freedom", "mouth.own_corner", *head, *eyes}


def test_a_portrait_without_background_and_with_a_shut_eye_comes_back(frame, tmp_path):
    look = dataclasses.replace(frame.appearance, background=None, eyes=(None, frame.appearance.eyes[1]))
    save_avatar(tmp_path / "face", dataclasses.replace(frame, appearance=look))
    back = load_avatar(tmp_path / "face").appearance
    assert back.background is None and back.eyes[0] is None and back.eyes[1] is not None


def test_a_videos_frame_is_not_written(frame, tmp_path):
    finder = FaceFinder.open(bundled.FOLDER)
    moving = MiniAnalyser.of(finder, SourceSettings()).measure(frame.image, 0, frame.landmarks)
    with pytest.raises(MediaError, match="only a portrait"):
        save_avatar(tmp_path / "face", moving)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("share", [0.0, 0.2, 0.9, 0.999])
def test_a_file_that_is_cut_off_is_refused_in_one_line(file, share):
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(MediaError, match=re.escape(str(file))) as refused:
        load_avatar(file)
    assert "\n" not in str(refused.value)


def test_a_changed_byte_is_noticed(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(MediaError, match="damaged"):
        load_avatar(file)


def outside(arrays):
    arrays["head.contour.edges"] = np.array([[0, 478]], np.int32)


def not_a_number(arrays):
    arrays["head.points"][3] = np.nan


def another_size(arrays):
    arrays["background.plate"] = arrays["background.plate"][1:].copy()


def runs_something(arrays):
    arrays["warnings"] = np.array([{"run": "this"}], object)


FORGED = {
    "a mesh point that there is none of": (outside, "names points that no face has"),
    "not a number": (not_a_number, "holds numbers that no face has"),
    "a plate of another size": (another_size, "background.plate is uint8"),
    "a flattened head": (lambda arrays: arrays["head.turn"].fill(0), "is no rotation"),
    "pickled objects": (runs_something, "warnings' is of type"),
    "a box beyond the picture": (with_number("head.rings.box", [0, 0, 9999, 9999]), "outside the picture"),
    "a box of broken numbers": (with_number("head.rings.box", [0, 0, 99.5, 99]), "no whole numbers"),
    "an endless number": (with_number("head.scale", 1e300), "head.scale is 1e[+]300"),
    "a word for a number": (with_number("freedom", "all"), "freedom is 'all'"),
    "another version": (lambda arrays: with_about(arrays, version=2), "this version reads"),
    "another pack": (lambda arrays: with_about(arrays, pack="puppet"), "'pack': 'puppet'"),
    "no header": (lambda arrays: arrays.pop("about"), "'about' is missing"),
    "a missing part": (lambda arrays: arrays.pop("head.rings.pull"), "'head.rings.pull' is missing"),
    "lists in lists": (lambda a: a.update(about=np.frombuffer(b"[" * 60000, np.uint8)), "is no avatar"),
}


@pytest.mark.parametrize("forgery", FORGED)
def test_a_forged_file_is_refused_in_one_line(file, forgery):
    change, reason = FORGED[forgery]
    rewritten(file, change)
    with pytest.raises(MediaError, match=reason) as refused:
        load_avatar(file)
    assert str(file) in str(refused.value) and "\n" not in str(refused.value)


def test_a_picture_is_no_avatar():
    with pytest.raises(MediaError, match="no file of arrays"):
        load_avatar(EXAMPLES / "drawn_woman.jpg")


def test_a_file_that_is_not_there_is_told():
    with pytest.raises(MediaError, match="No such file"):
        load_avatar(Path("nowhere.avatar"))
