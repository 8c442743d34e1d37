"""Each of the nine stages in turn fails, dawdles, and is interrupted, with every queue full."""

import dataclasses
import threading
import time

import numpy as np
import psutil
import pytest

from cfg.errors import StageError
from ditto.media.encode import open_sink
from ditto.motion.controls import ControlTrack
from ditto.source.registered import StillAvatar
from ditto.stages.messages import AudioChunk
from stream_pipeline.plan import plan

STAGES = ("wav2feat", "condition", "audio2motion", "stitch", "warp", "decode", "putback", "writer")
REGISTRAR = "avatar registrar"
NINE = (REGISTRAR, *STAGES)
FRAMES = 200


class Wrapped:
    """A stage with something done to it before each item it works on."""

    def __init__(self, stage, before):
        self.name = stage.name
        self.stage, self.before = stage, before
        self.items = 0

    def process(self, item):
        self.items += 1
        self.before(self.items)
        yield from self.stage.process(item)

    def flush(self):
        return self.stage.flush()

    def interrupt(self, turn):
        self.stage.interrupt(turn)


class WrappedAvatar:
    """A video whose player has something done to it before each frame."""

    is_image = False

    def __init__(self, avatar, before):
        self.avatar, self.before, self.first = avatar, before, avatar.first

    def play(self):
        for number, frame in enumerate(self.avatar.play(), 1):
            self.before(number)
            yield frame


def chunks(turn=0, frames=FRAMES):
    rng = np.random.default_rng(turn)
    for index in range(frames):
        sound = rng.uniform(-0.5, 0.5, 640).astype(np.float32)
        yield AudioChunk(turn, index * 640, sound)


@pytest.fixture
def line(fake_pack, video, settings, tmp_path):
    """line(stage, before): a pipeline that writes a video of its own, one stage of it wrapped.

    When a test is over, no thread, no open file and no video may be left.
    """
    made = []

    def make(wrapped, before, feed=None, capacity=1, mode="online"):
        avatar = video(30)
        sink = open_sink(tmp_path / f"{len(made)}.mp4", avatar.first.image.shape[:2], None, settings().output)
        made.append((avatar, sink))
        played = WrappedAvatar(avatar, before) if wrapped == REGISTRAR else avatar
        chosen = settings(stream={"mode": mode})
        planned = plan(fake_pack(), played, chosen, ControlTrack(), sink)
        if wrapped != REGISTRAR:
            stage = Wrapped(getattr(planned, wrapped), before)
            planned = dataclasses.replace(planned, **{wrapped: stage})
        return planned.pipeline(capacity=capacity, feed=feed)

    yield make
    for avatar, sink in made:
        sink.abort()
        avatar.close()
    assert [t.name for t in threading.enumerate() if t.name.startswith("ditto-")] == []
    assert [f.path for f in psutil.Process().open_files() if str(tmp_path) in f.path] == []
    assert list(tmp_path.iterdir()) == []


def fails_at(number):
    def before(count):
        if count == number:
            raise OSError("it broke")

    return before


@pytest.mark.parametrize("stage", NINE)
@pytest.mark.parametrize("number", [1, 7])
def test_a_failure_reaches_the_caller_by_stage_and_frame(line, stage, number):
    with line(stage, fails_at(number), chunks()) as pipeline, pytest.raises(StageError) as caught:
        for _ in pipeline.results():
            pass
    assert caught.value.stage == stage
    assert "it broke" in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)
    assert any(word in caught.value.at for word in ("frame", "sample", "start"))


@pytest.mark.parametrize("stage", NINE)
def test_a_failure_with_every_queue_full_and_nobody_reading_still_ends(line, stage):
    with line(stage, fails_at(5), chunks()) as pipeline:
        deadline = time.monotonic() + 20
        reason = None
        while reason is None and time.monotonic() < deadline:
            try:
                pipeline.get(timeout=0.5)
            except TimeoutError:
                continue
            except StageError as error:
                reason = error
    assert reason is not None
    assert reason.stage == stage


@pytest.mark.parametrize("stage", NINE)
def test_a_stage_ten_times_slower_than_its_neighbours_only_slows_the_line(line, stage):
    with line(stage, lambda count: time.sleep(0.01 if count % 4 == 0 else 0), chunks(frames=40)) as pipeline:
        indices = [picture.index for picture in pipeline.results(timeout=30)]
    assert indices == list(range(40))


@pytest.mark.parametrize("stage", NINE)
def test_an_interruption_with_full_queues_lets_nothing_of_the_old_turn_through(line, stage):
    reached, go = threading.Event(), threading.Event()

    def hold(count):
        if count == 4:
            reached.set()
            go.wait(20)

    with line(stage, hold) as pipeline:

        def feed():
            for chunk in chunks():
                if not pipeline.push(chunk):
                    return

        pusher = threading.Thread(target=feed, daemon=True)
        pusher.start()
        taken = 0
        while not reached.wait(0.01) and taken < 5:
            try:
                pipeline.get(timeout=0.05)
                taken += 1
            except TimeoutError:
                continue
        turn = pipeline.interrupt()
        go.set()
        pusher.join(20)
        new = threading.Thread(target=lambda: [pipeline.push(c) for c in chunks(turn, 10)], daemon=True)
        new.start()
        turns = [pipeline.get(timeout=20).turn for _ in range(10)]
        assert turns == [turn] * 10


@pytest.mark.parametrize("stage", NINE)
def test_leaving_the_block_with_full_queues_ends_at_once(line, stage):
    with pytest.raises(KeyboardInterrupt), line(stage, lambda count: None, chunks()) as pipeline:
        for _ in range(3):
            pipeline.get(timeout=20)
        raise KeyboardInterrupt
    assert [t.name for t in threading.enumerate() if t.name.startswith("ditto-")] == []


def test_an_avatar_of_one_picture_needs_no_more_than_one(fake_pack, portrait, settings):
    assert isinstance(portrait, StillAvatar)
    planned = plan(fake_pack(), portrait, settings(), ControlTrack())
    with planned.pipeline(feed=chunks(frames=90)) as pipeline:
        assert sum(1 for _ in pipeline.results()) == 90


@pytest.mark.soak
@pytest.mark.parametrize("round_", range(20))
def test_faults_again_and_again(line, round_):
    for stage in NINE:
        with line(stage, fails_at(1 + round_), chunks()) as pipeline, pytest.raises(StageError):
            for _ in pipeline.results():
                pass
    assert [t.name for t in threading.enumerate() if t.name.startswith("ditto-")] == []
