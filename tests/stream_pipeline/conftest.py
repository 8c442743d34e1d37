"""A pack of fakes with the real signatures: every stage works, nothing is learned, all is fast."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cfg.reading import load
from ditto.motion.vector import resting_motion
from ditto.packs.base import PackTraits
from ditto.packs.mini.motion.face_movements import FACE
from ditto.rates import SAMPLES_PER_FRAME
from ditto.source.avatar import SourceFrame
from ditto.source.registered import MovingAvatar, StillAvatar
from model_formats.shared import SharedModels

SIDE = 32  # pixels of the fake portrait


def source_frame(index=0, image=None):
    return SourceFrame(
        index=index,
        image=np.full((SIDE, SIDE, 3), 100, np.uint8) if image is None else image,
        motion=resting_motion(),
        eye_open=np.ones(2, np.float32),
        eye_ball=np.zeros(6, np.float32),
        to_frame=np.eye(3, dtype=np.float32),
        appearance=None,
        landmarks=np.zeros((4, 2), np.float32),
    )


class LoudnessStream:
    """Speech rows that are the mean loudness of each frame."""

    width = 1
    lookahead = 0

    def __init__(self):
        self.reset()

    def reset(self):
        self.waiting = np.zeros(0, np.float32)

    def push(self, samples):
        self.waiting = np.concatenate([self.waiting, samples])
        whole = len(self.waiting) // SAMPLES_PER_FRAME
        frames = self.waiting[: whole * SAMPLES_PER_FRAME].reshape(whole, SAMPLES_PER_FRAME)
        self.waiting = self.waiting[whole * SAMPLES_PER_FRAME :]
        return np.abs(frames).mean(axis=1, keepdims=True).astype(np.float32)

    def flush(self):
        missing = -len(self.waiting) % SAMPLES_PER_FRAME
        rows = self.push(np.zeros(missing, np.float32))
        self.reset()
        return rows


class LoudnessSampler:
    """Turns loudness into a lip, with a little seeded noise."""

    window = 80

    def sample(self, previous, conditions, rng):
        motion = np.repeat(previous[None], self.window, axis=0)
        motion[:, 202 + 6 * 3] = conditions[:, 0] + 0.01 * rng.standard_normal(self.window)
        return motion.astype(np.float32)


class FakePack:
    """`work` is called by role name before each call of warper, decoder and compositor."""

    traits = PackTraits(name="fake", conditions=frozenset({"use_emo"}))
    online_overlap = 75
    online_delay = 0
    smoothing = 1
    batch = 1
    face = FACE

    def __init__(self, work: Callable[[str], None] = lambda role: None):
        self.work = work
        self.models = SharedModels()

    def analyser(self, settings):
        return FakeAnalyser()

    def speech(self, settings):
        return LoudnessStream()

    def sampler(self, settings, source, overlap):
        return LoudnessSampler()

    def rest(self, source):
        return None

    def stitcher(self):
        return None

    def warper(self):
        def warp(pose):
            self.work("warp")
            return float(pose.driven[0, 6, 0])

        return warp

    def decoder(self):
        def decode(pose, warped):
            self.work("decode")
            return warped

        return decode

    def compositor(self, settings):
        def put(pose, face):
            self.work("putback")
            image = pose.source.image.copy()
            image[0, 0] = pose.index % 256
            image[0, 1] = int(abs(face) * 1e6) % 256
            return image

        return put

    def model_files(self):
        return []

    def close(self):
        self.models.close()


class FakeAnalyser:
    def analyse(self, image, index):
        return source_frame(index, image)

    def track(self, image, index):
        return np.zeros((4, 2), np.float32), True

    def measure(self, image, index, landmarks):
        return self.analyse(image, index)

    def forget(self):
        pass

    def revisit(self, image, known):
        import dataclasses

        return dataclasses.replace(known, image=image)


class FakeVideo:
    """`count` frames, each made when asked for and filled with its number."""

    open_now = 0

    def __init__(self, count, side=SIDE):
        self.count, self.side = count, side
        FakeVideo.open_now += 1

    def frame(self, index):
        if index >= self.count:
            raise IndexError(index)
        return np.full((self.side, self.side, 3), index % 256, np.uint8)

    def close(self):
        FakeVideo.open_now -= 1


@pytest.fixture
def fake_pack():
    return FakePack


@pytest.fixture
def portrait():
    return StillAvatar(source_frame())


@pytest.fixture
def video():
    """video(count, smoothing): a moving avatar, and a check that its frames were closed."""

    def make(count, smoothing=1, limit=None, side=SIDE):
        made.append(MovingAvatar(lambda: FakeVideo(count, side), FakeAnalyser, smoothing, limit))
        return made[-1]

    made = []
    yield make
    for avatar in made:
        avatar.close()
    assert FakeVideo.open_now == 0


@pytest.fixture
def settings():
    def make(**groups):
        return load("mini", **groups)

    return make


@pytest.fixture
def voice():
    def make(samples, seed=1):
        return np.random.default_rng(seed).uniform(-0.5, 0.5, samples).astype(np.float32)

    return make
