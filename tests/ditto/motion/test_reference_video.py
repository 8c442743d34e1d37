"""Head motion and blinks taken from somebody's video."""

from pathlib import Path

import numpy as np
import pytest

from cfg.errors import MediaError, NoFaceError
from cfg.settings import OutputSettings
from ditto.media.encode import open_sink
from ditto.mini.language import FULL_BLINK, METRE, Exp
from ditto.motion.reference_video import Reference, between_frames, blinks, read_reference

VIDEO = Path(__file__).parents[3] / "examples" / "astronaut_video.mp4"


def reference(count=4):
    angles = np.arange(count * 3, dtype=np.float32).reshape(count, 3)
    return Reference(angles, np.linspace(0, 1, count * 2, dtype=np.float32).reshape(count, 2))


def test_motion_lies_between_frames_and_plays_back_and_forth():
    rows = np.array([[0], [1], [2]], np.float32)
    played = [float(between_frames(rows, frame)[0]) for frame in (0, 0.5, 2, 3, 4, 5, 6, 7)]
    assert played == [0, 0.5, 2, 2, 1, 0, 0, 1]


def test_the_heads_angles_become_controls():
    assert reference().head(1) == {"delta_pitch": 3, "delta_yaw": 4, "delta_roll": 5}


def test_a_closed_lid_becomes_a_closed_lid_of_each_eye():
    row = Reference(np.zeros((2, 3), np.float32), np.array([[1, 0.5]] * 2, np.float32)).lids(0)["delta_eye"]
    assert row[Exp.BLINK_LEFT] == pytest.approx(FULL_BLINK * METRE)
    assert row[Exp.BLINK_RIGHT] == pytest.approx(FULL_BLINK * METRE / 2)
    assert np.count_nonzero(row) == 2


def test_a_portraits_openness_shrinks_with_what_is_closed():
    own = np.array([0.3, 0.4], np.float32)
    closed = Reference(np.zeros((2, 3), np.float32), np.array([[1, 0.5]] * 2, np.float32))
    assert closed.openness(own, 0) == pytest.approx([0, 0.2])


def test_eyes_that_are_always_narrow_do_not_blink_and_a_short_closing_does():
    lids = np.full((100, 2), 0.4, np.float32)
    assert (blinks(lids) == 0).all()
    lids[50:53] = 1.0
    assert blinks(lids)[51] == pytest.approx([1, 1])
    assert np.count_nonzero(blinks(lids)) == 6


def test_a_video_gives_its_heads_angles_about_their_middle_and_its_blinks():
    seen = read_reference(VIDEO)
    assert len(seen.angles) == len(seen.shut) == 100
    assert np.abs(np.median(seen.angles, axis=0)).max() < 1e-4
    assert seen.angles[:, 1].std() > 2
    assert 0 < (seen.shut.max(axis=1) > 0.5).sum() < 30


def test_a_video_without_a_face_is_refused(tmp_path):
    sink = open_sink(tmp_path / "grey.mp4", (96, 96), None, OutputSettings())
    for index in range(5):
        sink.write(np.full((96, 96, 3), 90, np.uint8), index)
    sink.close()
    with pytest.raises(NoFaceError, match="hardly any face"):
        read_reference(tmp_path / "grey.mp4")


def test_what_is_no_video_is_refused(tmp_path):
    (tmp_path / "a.mp4").write_text("no video")
    with pytest.raises(MediaError, match="not a video"):
        read_reference(tmp_path / "a.mp4")
