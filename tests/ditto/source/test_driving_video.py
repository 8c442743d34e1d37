"""Head motion and blinks taken from somebody's video."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cfg.errors import MediaError, NoFaceError
from cfg.settings import OutputSettings
from ditto.media.encode import open_sink
from ditto.packs.mini.motion.expression_numbers import FULL_BLINK, METRE, Exp
from ditto.packs.mini.motion.face_movements import FACE
from ditto.source.driving_video import DrivingMotion, between_frames, blinks, followed, read_driving_video

VIDEO = Path(__file__).parents[3] / "examples" / "astronaut_video.mp4"


def reference(count=4):
    angles = np.arange(count * 3, dtype=np.float32).reshape(count, 3)
    return DrivingMotion(angles, np.linspace(0, 1, count * 2, dtype=np.float32).reshape(count, 2))


def test_motion_lies_between_frames_and_plays_back_and_forth():
    rows = np.array([[0], [1], [2]], np.float32)
    played = [float(between_frames(rows, frame)[0]) for frame in (0, 0.5, 2, 3, 4, 5, 6, 7)]
    assert played == [0, 0.5, 2, 2, 1, 0, 0, 1]


def test_the_heads_angles_become_controls():
    assert reference().head(1) == {"delta_pitch": 3, "delta_yaw": 4, "delta_roll": 5}


def test_a_closed_lid_becomes_a_closed_lid_of_each_eye():
    seen = DrivingMotion(np.zeros((2, 3), np.float32), np.array([[1, 0.5]] * 2, np.float32))
    row = seen.lids(0, FACE)["delta_eye"]
    assert row[Exp.BLINK_LEFT] == pytest.approx(FULL_BLINK * METRE)
    assert row[Exp.BLINK_RIGHT] == pytest.approx(FULL_BLINK * METRE / 2)
    assert np.count_nonzero(row) == 2


def test_a_portraits_openness_shrinks_with_what_is_closed():
    own = np.array([0.3, 0.4], np.float32)
    closed = DrivingMotion(np.zeros((2, 3), np.float32), np.array([[1, 0.5]] * 2, np.float32))
    assert closed.openness(own, 0) == pytest.approx([0, 0.2])


def test_eyes_that_are_always_narrow_do_not_blink_and_a_short_closing_does():
    lids = np.full((100, 2), 0.4, np.float32)
    assert (blinks(lids) == 0).all()
    lids[50:53] = 1.0
    assert blinks(lids)[51] == pytest.approx([1, 1])
    assert np.count_nonzero(blinks(lids)) == 6


def test_a_video_gives_its_heads_angles_about_their_middle_and_its_blinks():
    seen = read_driving_video(VIDEO)
    assert len(seen.angles) == len(seen.shut) == 100
    assert np.abs(np.median(seen.angles, axis=0)).max() < 1e-4
    assert seen.angles[:, 1].std() > 2
    assert 0 < (seen.shut.max(axis=1) > 0.5).sum() < 30


def test_a_video_without_a_face_is_refused(tmp_path):
    sink = open_sink(tmp_path / "grey.mp4", (96, 96), None, OutputSettings())
    for index in range(5):
        sink.write(np.full((96, 96, 3), 90, np.uint8), index)
    sink.close()
    with pytest.raises(NoFaceError, match="too few frames show a face"):
        read_driving_video(tmp_path / "grey.mp4")


def test_what_is_no_video_is_refused(tmp_path):
    (tmp_path / "a.mp4").write_text("no video")
    with pytest.raises(MediaError, match="not a video"):
        read_driving_video(tmp_path / "a.mp4")


class Watching:
    """A finder of which it is known in which frames it sees a face."""

    def __init__(self, seen):
        self._seen = seen
        self._frame = -1

    def find(self, image):
        self._frame += 1
        return [self._face()] if self._seen[self._frame] else []

    def track(self, image, before):
        if not self._seen[self._frame + 1]:
            return None
        return self.find(image)[0]

    def _face(self):
        return SimpleNamespace(landmarks=np.full((478, 3), self._frame, np.float32))


@pytest.fixture
def film(tmp_path):
    """film(count): a video of so many frames."""

    def make(count):
        sink = open_sink(tmp_path / "film.mp4", (64, 64), None, OutputSettings())
        for index in range(count):
            sink.write(np.full((64, 64, 3), 9 * index, np.uint8), index)
        sink.close()
        return tmp_path / "film.mp4"

    return make


def test_frames_without_a_face_keep_their_time(film):
    found = followed(film(6), Watching([False, True, True, False, True, True]))
    assert found[:, 0, 0].tolist() == [1, 1, 2, 2, 4, 5]


@pytest.mark.parametrize("seen", [[True, True] + [False] * 4, [False] * 4 + [True, True]])
def test_a_face_seen_in_too_few_frames_is_refused_wherever_they_are(film, seen):
    with pytest.raises(NoFaceError, match="too few frames show a face"):
        followed(film(6), Watching(seen))
