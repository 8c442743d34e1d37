"""A long video in pieces: what survives, what is thrown away, and that joining leaves no trace."""

import numpy as np
import pytest

from cfg.errors import MediaError
from cfg.settings import OutputSettings
from ditto.media.segments import SegmentedVideo
from ditto.media.sound import sound_of

SETTINGS = OutputSettings(preset="ultrafast")
LENGTH = 20  # frames of a piece
FRAME = 0.04  # seconds


def picture(index):
    return np.full((64, 64, 3), (index * 2) % 200, np.uint8)


@pytest.fixture
def opened(tmp_path, murmur):
    """opened(name, recipe, resume): a sink with three seconds of sound."""

    def make(name="out.mp4", recipe="same", resume=True, settings=SETTINGS):
        track = sound_of(murmur(3.0)).track
        return SegmentedVideo(
            tmp_path / name, (64, 64), track, settings, recipe, resume=resume, length=LENGTH
        )

    return make


@pytest.fixture
def killed(opened):
    """killed(until, …): a run that wrote so many pictures, and then was no more."""

    def make(until, **options):
        sink = opened(**options)
        write(sink, until)
        sink._lock.release()

    return make


def write(sink, until):
    for number, index in enumerate(range(sink.done, until)):
        sink.write(picture(index), number)


def left_in(folder):
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_joined_pieces_are_one_video_with_its_sound(tmp_path, opened, decoded, suffix):
    sink = opened(f"out{suffix}")
    write(sink, 70)
    sink.close()
    video = decoded(tmp_path / f"out{suffix}")
    assert video.times == pytest.approx([i * FRAME for i in range(70)], abs=1e-3)
    assert video.moments[-1] == pytest.approx(70 * FRAME, abs=0.03)
    assert left_in(tmp_path) == [f"out{suffix}"]


def test_a_run_that_was_killed_is_continued_behind_its_last_whole_piece(tmp_path, opened, killed):
    killed(50)
    again = opened()
    assert again.done == 40
    write(again, 70)
    again.close()
    whole = opened("whole.mp4")
    write(whole, 70)
    whole.close()
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()


def test_a_run_killed_while_joining_has_only_that_left(opened, decoded, tmp_path):
    sink = opened()
    write(sink, 50)
    sink._finish_piece()
    sink._lock.release()
    again = opened()
    assert again.done == 50
    again.close()
    assert len(decoded(tmp_path / "out.mp4").times) == 50


@pytest.mark.parametrize("changed", [{"recipe": "other"}, {"resume": False}])
def test_pieces_of_another_video_or_unasked_for_are_thrown_away(opened, killed, changed):
    killed(50)
    assert opened(**changed).done == 0


def test_a_missing_piece_hides_those_behind_it(tmp_path, opened, killed):
    killed(65)
    (tmp_path / ".out.mp4.parts" / "00000020-00000040.mp4").unlink()
    assert opened().done == 20


def cut(piece):
    piece.write_bytes(piece.read_bytes()[:-200])


def emptied(piece):
    piece.write_bytes(b"")


def another(piece):
    piece.write_bytes(piece.with_name("00000040-00000050.mp4").read_bytes())


@pytest.mark.parametrize("damage", [cut, emptied, another])
def test_a_damaged_piece_is_made_again(tmp_path, opened, killed, damage):
    whole = opened("whole.mp4")
    write(whole, 50)
    whole.close()
    sink = opened()
    write(sink, 50)
    sink._finish_piece()
    sink._lock.release()
    damage(tmp_path / ".out.mp4.parts" / "00000020-00000040.mp4")
    again = opened()
    assert again.done == 20
    write(again, 50)
    again.close()
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()


def test_two_runs_do_not_write_the_same_video(opened):
    first = opened()
    write(first, 25)
    with pytest.raises(MediaError, match=r"out\.mp4: is being made by another run"):
        opened(resume=False)
    write(first, 45)
    first.close()
    opened(resume=False).abort()


def test_a_piece_that_vanishes_meanwhile_is_an_error_and_no_shorter_video(tmp_path, opened):
    sink = opened()
    write(sink, 50)
    (tmp_path / ".out.mp4.parts" / "00000020-00000040.mp4").unlink()
    with pytest.raises(MediaError, match="have vanished"):
        sink.close()
    assert not (tmp_path / "out.mp4").exists()


def test_pieces_that_are_thrown_away_are_spoken_of(opened, killed, caplog):
    killed(50)
    opened(recipe="other")
    assert "started again" in caplog.text


@pytest.mark.parametrize(("resume", "left"), [(True, [".out.mp4.parts"]), (False, [])])
def test_what_is_left_of_a_failed_run_is_kept_only_where_it_was_asked_for(tmp_path, opened, resume, left):
    sink = opened(resume=resume)
    write(sink, 25)
    sink.abort()
    assert left_in(tmp_path) == left


def test_no_picture_is_an_error(opened, tmp_path):
    with pytest.raises(MediaError, match="no picture was written"):
        opened(resume=False).close()
    assert left_in(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_said_in_one_line(opened, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MediaError, match="cannot be written"):
        opened("file/out.mp4")


def test_a_link_in_the_place_of_the_pieces_is_not_followed(tmp_path, opened):
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "file").write_text("theirs")
    (tmp_path / ".out.mp4.parts").symlink_to(tmp_path / "others")
    opened(resume=False).abort()
    assert left_in(tmp_path / "others") == ["file"]
