import dataclasses
from itertools import islice

import numpy as np
import pytest

from cfg.errors import MediaError, NoFaceError
from ditto.motion.vector import WIDTHS, named_arrays, source_motion
from ditto.packs.mini.source.template import default_template
from ditto.source.avatar import SourceFrame
from ditto.source.registered import MovingAvatar, StillAvatar, bounce
from ditto.stages.avatar_registrar import Playback


def measured(index):
    rng = np.random.default_rng(index)
    return {key: rng.standard_normal((1, width)).astype(np.float32) for key, width in WIDTHS.items()}


class Analyser:
    """Measures a frame by its number; its appearance is the picture itself."""

    def __init__(self):
        self.seen = []

    def analyse(self, image, index):
        self.seen.append(index)
        return SourceFrame(
            index=index,
            image=image,
            motion=source_motion(measured(index)),
            eye_open=np.full(2, index, np.float32),
            eye_ball=np.full(6, index, np.float32),
            to_frame=np.eye(3, dtype=np.float32) * (index + 1),
            appearance=image,
            landmarks=np.full((4, 2), index, np.float32),
        )

    def track(self, image, index):
        return np.full((4, 2), index, np.float32), True

    def measure(self, image, index, landmarks):
        return dataclasses.replace(self.analyse(image, index), landmarks=landmarks)

    def forget(self):
        pass

    def revisit(self, image, known):
        return dataclasses.replace(known, image=image, appearance=image)


class Frames:
    def __init__(self, count):
        self.count = count
        self.closed = False

    def frame(self, index):
        if index >= self.count:
            raise IndexError(index)
        return np.full((4, 4, 3), index, np.uint8)

    def close(self):
        self.closed = True


@pytest.fixture
def opened():
    return []


@pytest.fixture
def moving(opened):
    def make(count, smoothing=1, limit=None, analyser=Analyser, **more):
        def open_frames():
            opened.append(Frames(count))
            return opened[-1]

        made.append(MovingAvatar(open_frames, analyser, smoothing, limit, **more))
        return made[-1]

    made = []
    yield make
    for avatar in made:
        avatar.close()


def played(avatar, count):
    player = avatar.play()
    frames = list(islice(player, count))
    player.close()
    return frames


def test_a_portrait_is_one_frame():
    frame = Analyser().analyse(np.zeros((4, 4, 3), np.uint8), 0)
    assert list(StillAvatar(frame).play()) == [frame]


@pytest.mark.parametrize(
    ("count", "order"),
    [
        (1, [0] * 6),
        (2, [0, 1, 1, 0, 0, 1]),
        (3, [0, 1, 2, 2, 1, 0, 0, 1, 2, 2]),
        (4, [0, 1, 2, 3, 3, 2, 1, 0, 0]),
    ],
)
def test_a_video_goes_back_and_forth_with_its_end_frames_twice(moving, count, order):
    frames = played(moving(count), len(order))
    assert [int(f.image[0, 0, 0]) for f in frames] == order
    assert [bounce(i, count) for i in range(len(order))] == order


@pytest.mark.parametrize(
    ("loop", "order"),
    [
        ("mirror", [0, 1, 2, 2, 1, 0, 0, 1]),
        ("loop", [0, 1, 2, 0, 1, 2, 0, 1]),
        ("hold", [0, 1, 2, 2, 2, 2, 2, 2]),
        ("end", [0, 1, 2, 2, 2, 2, 2, 2]),
    ],
)
def test_what_follows_the_last_frame_is_chosen(moving, loop, order):
    avatar = moving(3, loop=loop)
    assert [f.index for f in played(avatar, len(order))] == order
    assert [f.index for f in played(avatar, len(order))] == order
    assert avatar.length == (3 if loop == "end" else None)


def test_a_limit_uses_only_the_first_frames(moving):
    frames = played(moving(10, limit=3), 5)
    assert [f.index for f in frames] == [0, 1, 2, 2, 1]


@pytest.mark.parametrize("smoothing", [1, 2, 3, 13])
@pytest.mark.parametrize("count", [1, 5, 30])
def test_motion_is_averaged_over_neighbours_fewer_at_the_ends(moving, count, smoothing):
    reach = smoothing // 2
    for frame in played(moving(count, smoothing), count):
        for key in WIDTHS:
            near = range(max(0, frame.index - reach), min(count, frame.index + reach + 1))
            wanted = np.mean([measured(n)[key] for n in near], axis=0)
            np.testing.assert_allclose(named_arrays(frame.motion)[key], wanted, atol=1e-6)


def test_a_frame_seen_again_is_what_it_was_at_first(moving):
    there_and_back = played(moving(6, smoothing=3), 12)
    for first, again in zip(there_and_back[:6], reversed(there_and_back[6:]), strict=True):
        assert first.index == again.index
        np.testing.assert_array_equal(first.image, again.image)
        np.testing.assert_array_equal(first.to_frame, again.to_frame)
        for key in WIDTHS:
            np.testing.assert_array_equal(named_arrays(first.motion)[key], named_arrays(again.motion)[key])


def test_a_second_player_sees_the_same_as_the_first(moving):
    avatar = moving(7, smoothing=3)
    first, second = played(avatar, 20), played(avatar, 20)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.motion.exp, b.motion.exp)


def test_a_player_that_is_given_up_closes_the_video(moving, opened):
    played(moving(50), 3)
    assert all(frames.closed for frames in opened)


def test_a_video_without_frames_is_refused(moving):
    with pytest.raises(MediaError, match="no frames"):
        moving(0)


def test_playback_gives_a_portrait_again_and_again_without_asking_twice():
    asked = []
    frame = Analyser().analyse(np.zeros((4, 4, 3), np.uint8), 0)
    playback = Playback(StillAvatar(frame), lambda: asked.append(1) or frame)
    assert [playback.frame(i) for i in range(5)] == [frame] * 5
    assert len(asked) == 1


def test_playback_goes_on_where_it_is_when_frames_count_from_zero_again(moving):
    player = moving(100).play()
    playback = Playback(moving(100), lambda: next(player))
    first = [playback.frame(i).index for i in range(4)]
    second = [playback.frame(i).index for i in range(3)]
    player.close()
    assert (first, second) == ([0, 1, 2, 3], [4, 5, 6])


class Sometimes(Analyser):
    """Sees no face in frames 0, 4 and 5."""

    def track(self, image, index):
        if index in (0, 4, 5):
            raise NoFaceError(f"frame {index}: no face found")
        return super().track(image, index)


def shown(avatar, count):
    return [(int(f.image[0, 0, 0]), f.seen) for f in played(avatar, count)]


def test_frames_without_a_face_pass_unchanged(moving):
    avatar = moving(8, analyser=Sometimes)
    there = [(n, n not in (0, 4, 5)) for n in range(8)]
    assert shown(avatar, 16) == there + there[::-1]
    assert shown(avatar, 16) == there + there[::-1]


def test_the_last_face_is_held_while_none_is_seen(moving):
    avatar = moving(8, analyser=Sometimes, no_face="hold")
    there = [(0, False), (1, True), (2, True), (3, True), (3, True), (3, True), (6, True), (7, True)]
    assert shown(avatar, 16) == there + there[::-1]


def test_where_every_frame_needs_a_face_the_frame_without_is_named(moving):
    with pytest.raises(NoFaceError, match="frame 0"):
        moving(8, analyser=Sometimes, no_face="fail")


def test_a_video_without_any_face_is_refused(moving):
    class Never(Analyser):
        def track(self, image, index):
            raise NoFaceError("no face found")

    with pytest.raises(NoFaceError, match="no face found in the first 8 frames"):
        moving(8, analyser=Never)


def test_motion_is_not_averaged_over_a_frame_without_a_face(moving):
    frames = played(moving(8, smoothing=3, analyser=Sometimes), 8)
    np.testing.assert_allclose(frames[3].motion.t, (measured(2)["t"] + measured(3)["t"]) / 2, atol=1e-6)
    np.testing.assert_allclose(frames[6].motion.t, (measured(6)["t"] + measured(7)["t"]) / 2, atol=1e-6)


def test_parts_named_sharp_are_left_as_they_were_measured(moving):
    for frame in played(moving(9, smoothing=5, sharp=("exp",)), 9):
        np.testing.assert_array_equal(frame.motion.exp, measured(frame.index)["exp"])


class Mouths(Analyser):
    """Landmarks of a mouth that is shut in frames 6 to 8 only."""

    def track(self, image, index):
        points = default_template().shape.astype(np.float32).copy() * 100
        points[14, 1] = points[13, 1] + (0.5 if index in (6, 7, 8) else 20)
        return points, True


def test_lips_are_driven_from_where_the_mouth_is_calmest(moving):
    avatar = moving(40, analyser=Mouths, neutral=10)
    rest = np.mean([measured(n)["exp"] for n in (6, 7, 8)], axis=0)
    np.testing.assert_allclose(avatar.first.motion.exp, rest, atol=1e-6)
    for frame in played(avatar, 90):
        np.testing.assert_allclose(frame.neutral, rest, atol=1e-6)


def test_without_neutral_frames_each_frame_is_driven_from_its_own_lips(moving):
    assert all(frame.neutral is None for frame in played(moving(5), 12))
