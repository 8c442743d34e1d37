import dataclasses
from itertools import islice

import numpy as np
import pytest

from cfg.errors import MediaError
from ditto.avatar import SourceFrame
from ditto.avatar_registrar import MovingAvatar, Playback, StillAvatar, bounce
from ditto.official.source import smooth

KEYS = {"scale": 1, "pitch": 66, "yaw": 66, "roll": 66, "t": 3, "exp": 63, "kp": 63}


def measured(index):
    rng = np.random.default_rng(index)
    return {key: rng.standard_normal((1, width)).astype(np.float32) for key, width in KEYS.items()}


class Analyser:
    """Measures a frame by its number; its appearance is the picture itself."""

    def __init__(self):
        self.seen = []

    def analyse(self, image, index):
        self.seen.append(index)
        return SourceFrame(
            index=index,
            image=image,
            motion=measured(index),
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
    def make(count, smoothing=1, limit=None):
        def open_frames():
            opened.append(Frames(count))
            return opened[-1]

        made.append(MovingAvatar(open_frames, Analyser, smoothing, limit))
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


def test_a_limit_uses_only_the_first_frames(moving):
    frames = played(moving(10, limit=3), 5)
    assert [f.index for f in frames] == [0, 1, 2, 2, 1]


@pytest.mark.parametrize("smoothing", [1, 2, 3, 13])
@pytest.mark.parametrize("count", [1, 5, 30])
def test_motion_is_averaged_over_neighbours_as_over_the_whole_list(moving, count, smoothing):
    expected = smooth([measured(i) for i in range(count)], smoothing) if smoothing > 1 else None
    for frame in played(moving(count, smoothing), count):
        for key in KEYS:
            wanted = measured(frame.index)[key] if expected is None else expected[frame.index][key]
            np.testing.assert_allclose(frame.motion[key], wanted, atol=1e-6)


def test_a_frame_seen_again_is_what_it_was_at_first(moving):
    there_and_back = played(moving(6, smoothing=3), 12)
    for first, again in zip(there_and_back[:6], reversed(there_and_back[6:]), strict=True):
        assert first.index == again.index
        np.testing.assert_array_equal(first.image, again.image)
        np.testing.assert_array_equal(first.to_frame, again.to_frame)
        for key in KEYS:
            np.testing.assert_array_equal(first.motion[key], again.motion[key])


def test_a_second_player_sees_the_same_as_the_first(moving):
    avatar = moving(7, smoothing=3)
    first, second = played(avatar, 20), played(avatar, 20)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.motion["exp"], b.motion["exp"])


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
