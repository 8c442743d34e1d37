import numpy as np
import pytest

from cfg.errors import NoFaceError
from ditto.source.tracking import Follower, TrackedFace, TrackedFrame, smoothed_landmarks, with_neighbours

IMAGE = np.zeros((64, 64, 3), np.uint8)
SHAPE = np.random.default_rng(0).uniform(-50, 50, (40, 2)).astype(np.float32)


@pytest.mark.parametrize("reach", [0, 1, 2])
@pytest.mark.parametrize("count", [0, 1, 3, 7])
def test_neighbours_are_those_within_reach(count, reach):
    given = list(with_neighbours(range(count), reach, lambda n: -n))
    assert given == [(n, [-m for m in range(count) if abs(n - m) <= reach]) for n in range(count)]


def marks(*places, scenes=None):
    found = [SHAPE + np.float32(place) for place in places]
    return [TrackedFace(n, points, scenes[n] if scenes else 0) for n, points in enumerate(found)]


def at(mark):
    return TrackedFrame(mark.index, IMAGE, mark.landmarks, mark.scene)


def test_trembling_is_taken_out():
    tremble = np.random.default_rng(1).normal(0, 1, (200, 1, 2))
    shaken = marks(*tremble)
    steady = [smoothed_landmarks(at(m), shaken[max(0, n - 3) : n + 4]) for n, m in enumerate(shaken)]
    step = np.std(np.diff([points.mean(axis=0) for points in steady], axis=0))
    assert step < 0.6 * np.std(np.diff(tremble[:, 0], axis=0))


def test_a_movement_that_gathers_speed_is_followed_exactly():
    path = marks(*[[[0.4 * n**2, -3 * n]] for n in range(7)])
    np.testing.assert_allclose(smoothed_landmarks(at(path[3]), path), path[3].landmarks, atol=1e-3)


def test_a_mouth_that_opens_is_not_smoothed_away():
    still, opened = SHAPE, SHAPE.copy()
    opened[0] += (0, 10)
    near = [TrackedFace(n, opened if n == 3 else still, 0) for n in range(7)]
    moved = smoothed_landmarks(at(near[3]), near) - np.mean(still, axis=0)
    assert (moved[0] - still[0] + np.mean(still, axis=0))[1] > 9


def test_depth_stays_with_its_point():
    deep = [TrackedFace(n, np.column_stack([SHAPE, np.arange(40)]).astype(np.float32), 0) for n in range(5)]
    np.testing.assert_allclose(smoothed_landmarks(at(deep[2]), deep), deep[2].landmarks, atol=1e-4)


def test_nothing_is_smoothed_across_a_cut():
    cut = marks([[0, 0]], [[0, 0]], [[0, 0]], [[300, 0]], [[300, 0]], [[300, 0]], scenes=[0, 0, 0, 1, 1, 1])
    for mark in cut:
        np.testing.assert_allclose(smoothed_landmarks(at(mark), cut), mark.landmarks, atol=1e-3)


def test_frames_without_a_face_are_left_out_of_the_path():
    near = marks(*[[[2 * n, 0]] for n in range(7)])
    near[2] = TrackedFace(2, None, 0)
    np.testing.assert_allclose(smoothed_landmarks(at(near[3]), near), near[3].landmarks, atol=1e-3)


class Analyser:
    """Sees a face where the picture is bright."""

    def __init__(self):
        self.searched, self.forgotten, self.last = [], 0, False

    def track(self, image, index):
        self.searched.append(index)
        if not image.any():
            self.last = False
            raise NoFaceError(f"frame {index}: no face found")
        followed, self.last = self.last, True
        return SHAPE, followed

    def forget(self):
        self.forgotten += 1
        self.last = False


def film(*levels):
    return [np.full((64, 64, 3), level, np.uint8) for level in levels]


def test_a_cut_makes_the_face_be_looked_for_anew():
    analyser = Analyser()
    follow = Follower(analyser)
    tracks = [follow(image, n) for n, image in enumerate(film(100, 104, 108, 200, 204))]
    assert analyser.forgotten == 1
    scenes = [track.scene for track in tracks]
    assert scenes[0] == scenes[1] == scenes[2] < scenes[3] == scenes[4]


def test_a_slow_fade_is_no_cut():
    analyser = Analyser()
    follow = Follower(analyser)
    for n, image in enumerate(film(*range(40, 240, 20))):
        follow(image, n)
    assert analyser.forgotten == 0


def test_a_face_that_comes_back_begins_another_stretch():
    follow = Follower(Analyser())
    tracks = [follow(image, n) for n, image in enumerate(film(10, 10, 0, 0, 10, 10))]
    assert [track.landmarks is not None for track in tracks] == [True, True, False, False, True, True]
    assert tracks[1].scene < tracks[4].scene == tracks[5].scene


def test_a_still_picture_without_a_face_is_not_searched_again_and_again():
    analyser = Analyser()
    follow = Follower(analyser)
    for n in range(24):
        follow(IMAGE, n)
    assert analyser.searched == [0, 12]


def test_what_changes_is_searched_at_once():
    analyser = Analyser()
    follow = Follower(analyser)
    tracks = [follow(image, n) for n, image in enumerate(film(0, 0, 5, 5))]
    assert analyser.searched == [0, 2, 3]
    assert [track.landmarks is not None for track in tracks] == [False, False, True, True]


def test_a_long_stretch_without_a_face_is_searched_now_and_then():
    analyser = Analyser()
    follow = Follower(analyser)
    for n in range(250):
        follow(IMAGE, n)
    assert len(analyser.searched) < 35
    assert max(np.diff(analyser.searched)) <= 12  # half a second


def test_a_cut_is_searched_at_once():
    analyser = Analyser()
    follow = Follower(analyser)
    film_ = [IMAGE] * 100 + film(200)
    assert [follow(image, n) for n, image in enumerate(film_)][-1].landmarks is not None


def test_where_every_frame_must_have_a_face_the_first_without_fails():
    follow = Follower(Analyser(), no_face="fail")
    follow(film(10)[0], 0)
    with pytest.raises(NoFaceError, match="frame 1"):
        follow(IMAGE, 1)
