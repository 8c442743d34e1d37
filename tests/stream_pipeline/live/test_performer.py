"""A live face over the built-in pack, in real time: what needs no clock is in test_performance.py."""

import asyncio
import itertools
import threading
import time

import numpy as np
import pytest

from cfg.errors import Cancelled, ConfigError, StageError
from ditto import Engine
from ditto.media.sound import read_sound
from ditto.packs.mini.motion.expression_numbers import METRE, Exp
from stream_pipeline.async_performer import AsyncPerformer
from stream_pipeline.live_face import Failed, Finished, Interrupted, Listening, Started
from stream_pipeline.performer import Performer

SHUT = 0.3  # millimetres of gap that nobody sees


class Poses:
    """A stage that keeps the pose of every painted frame."""

    name = "poses"

    def __init__(self, kept):
        self._kept = kept

    def process(self, item):
        self._kept[item.turn, item.index] = item.drive
        yield item

    def flush(self):
        return ()

    def interrupt(self, turn):
        """Nothing is forgotten."""


@pytest.fixture(scope="module")
def speech():
    return read_sound("examples/speech.flac").samples


@pytest.fixture(scope="module")
def poses():
    return {}


@pytest.fixture(scope="module")
def engine(poses):
    with Engine.load("mini_online") as engine:
        engine.add_stage("stitch", lambda: Poses(poses))
        yield engine


@pytest.fixture(scope="module")
def avatar(engine):
    return engine.register("examples/drawn_woman.jpg", max_size=256)


@pytest.fixture
def face(engine, avatar, poses):
    poses.clear()
    with Performer(engine, avatar) as face:
        yield face


def live_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("ditto-")]


def watch(face, until, most=30.0):
    """Frames until `until(frame, frames)` holds."""
    frames, ends = [], time.monotonic() + most
    for frame in face.frames(timeout=10):
        frames.append(frame)
        if until(frame, frames):
            return frames
        assert time.monotonic() < ends, "it takes too long"
    return frames


def seconds(count):
    return lambda frame, frames: len(frames) >= round(25 * count)


def test_it_breathes_and_looks_about_while_nothing_is_pushed(face, poses):
    frames = watch(face, seconds(4))
    assert [frame.index for frame in frames] == list(range(frames[0].index, frames[0].index + len(frames)))
    assert all(frame.image is None or frame.image.shape == (*face.size, 3) for frame in frames)
    assert not any(frame.sound.any() for frame in frames)
    moved = [poses[0, n].pitch for n in range(20, 100)]
    assert np.ptp(moved) > 0.1
    assert max(gaps(poses, 0, range(20, 100))) < SHUT


def test_speech_moves_the_lips_and_is_heard_sample_by_sample(face, poses, speech):
    said = speech[:32_000]
    events = []
    face.subscribe(events.append)
    number = face.push(said)
    face.flush()
    frames = watch(face, lambda frame, frames: any(isinstance(e, Finished) for e in events))
    heard = np.concatenate([frame.sound for frame in frames if frame.utterance == number])
    np.testing.assert_array_equal(heard[: len(said)], said)
    spoken = [frame.index for frame in frames if frame.utterance == number]
    assert max(gaps(poses, 0, spoken)) > 3
    assert events[0] == Started(number, spoken[0]) and Finished(number, 2.0) in events


def test_the_head_goes_from_rest_to_speech_and_back_no_faster_than_within_speech(face, poses, speech):
    face.push(speech[: 16_000 * 4])
    face.flush()
    frames = watch(face, seconds(6.5))
    spoken = [frame.index for frame in frames if frame.utterance is not None]
    steps = head_steps(poses, range(frames[0].index, frames[-1].index))
    within = [steps[n] for n in spoken[5:-5] if n in steps]
    around = [steps[n] for edge in (spoken[0], spoken[-1]) for n in range(edge - 5, edge + 6) if n in steps]
    assert max(around) <= 1.3 * np.percentile(within, 99)


def test_an_interruption_shuts_the_mouth_and_the_head_goes_on_from_where_it_was_seen(face, poses, speech):
    events, frames, cut = [], [], None
    face.subscribe(events.append)
    face.push(speech)
    reader = face.frames(timeout=10)
    for frame in reader:
        frames.append(frame)
        if cut is None and frame.utterance is not None and frame.image is not None:
            if gaps(poses, 0, [frame.index])[0] > 4:
                heard, cut = face.interrupt(), len(frames)
        elif cut is not None and len(frames) >= cut + 50:
            break
    later = frames[cut:]
    assert all(frame.turn == 1 and frame.utterance is None for frame in later)
    assert not any(frame.sound.any() for frame in later[1:])
    assert max(gaps(poses, 1, [n for n in range(3, 40) if (1, n) in poses])) < SHUT
    before = poses[0, frames[cut - 1].index]
    first = min(n for turn, n in poses if turn == 1)
    steps = [
        abs(getattr(poses[1, first], angle) - getattr(before, angle)) for angle in ("yaw", "pitch", "roll")
    ]
    assert max(steps) < 1.5 + 0.5 * first
    interrupted = next(event for event in events if isinstance(event, Interrupted))
    assert interrupted.seconds == heard > 0


def test_text_is_said_by_the_voice_it_was_given(engine, avatar, speech):
    def speak(text):
        for word in text.split():
            yield speech[: 1600 * len(word)]

    events = []
    with Performer(engine, avatar, speak=speak) as face:
        face.subscribe(events.append)
        number = face.say("one three")
        watch(face, lambda frame, frames: any(isinstance(e, Finished) for e in events))
    assert Finished(number, pytest.approx(0.8)) in events


def test_a_voice_that_fails_is_told_of_and_the_face_lives_on(engine, avatar, speech):
    def speak(text):
        yield speech[:4000]
        raise RuntimeError("out of words")

    events = []
    with Performer(engine, avatar, speak=speak) as face:
        face.subscribe(events.append)
        number = face.say("hello")
        watch(face, lambda frame, frames: any(isinstance(e, Finished) for e in events))
        assert Failed(number, "out of words") in events
        assert watch(face, seconds(0.2))


def test_a_text_without_sound_is_told_of(engine, avatar):
    events = []
    with Performer(engine, avatar, speak=lambda text: []) as face:
        face.subscribe(events.append)
        number = face.say("...")
        watch(face, lambda frame, frames: events)
    assert isinstance(events[0], Failed) and events[0].utterance == number


def test_text_without_a_voice_or_a_word_is_refused(face, engine, avatar):
    with pytest.raises(ConfigError, match="no voice of its own"):
        face.say("hello")
    with (
        Performer(engine, avatar, speak=lambda text: []) as other,
        pytest.raises(ConfigError, match="no text"),
    ):
        other.say("  ")


@pytest.mark.parametrize("rate", [16_001, 22_051, 0, "fast"])
def test_a_rate_that_gives_no_whole_frames_is_refused(engine, avatar, rate):
    with pytest.raises(ConfigError, match="rate"):
        Performer(engine, avatar, rate=rate)


def test_every_reader_gets_every_frame_and_a_slow_one_keeps_the_sound(face, speech):
    slow = face.reader()
    watch(face, seconds(1))
    face.push(speech[:8000])
    face.flush()
    watch(face, seconds(1))
    taken = []
    while (frame := slow.take()) is not None:
        taken.append(frame)
    slow.close()
    assert [frame.index for frame in taken] == list(range(taken[0].index, taken[0].index + len(taken)))
    assert sum(frame.image is not None for frame in taken) <= 2
    assert any(frame.sound.any() for frame in taken)


def test_who_pushes_too_much_waits_or_is_told(face):
    face.push(np.zeros(16_000 * 121, np.float32))
    with pytest.raises(TimeoutError, match="waiting"):
        face.push(np.zeros(16_000), timeout=0.05)
    assert face.interrupt() >= 0
    face.push(np.zeros(1600, np.float32), timeout=0.05)


def test_an_interruption_before_the_first_picture_does_not_keep_time_from_starting(engine, avatar, speech):
    events = []
    with Performer(engine, avatar) as face:
        face.push(speech)
        face.interrupt()
        face.subscribe(events.append)
        number = face.push(speech[:8000])
        face.flush()
        watch(face, lambda frame, frames: any(isinstance(e, Finished) for e in events))
    assert Finished(number, 0.5) in events


def test_the_text_that_is_spoken_is_made_to_its_end_whatever_waits_behind_it(engine, avatar, speech):
    long = {"a": 100, "b": 110}  # seconds: more than may wait together
    made = {name: threading.Event() for name in long}

    def speak(text):
        for second in range(long[text]):
            yield np.full(16_000, 0.1, np.float32)
            if second == 50:
                made[text].set()
                made["b" if text == "a" else "a"].wait(5)  # neither is ahead of the other

    with Performer(engine, avatar, speak=speak) as face:
        face.say("a")
        face.say("b")
        watch(face, lambda frame, frames: face.figures.queued_seconds > 140)


def test_pushes_and_flushes_of_several_threads_stay_whole(face, speech):
    events = []
    face.subscribe(events.append)
    sounds = [np.full(20_000, level, np.float32) for level in (0.1, 0.2, 0.3)]

    def say(sound):
        face.push(sound)

    threads = [threading.Thread(target=say, args=(sound,)) for sound in sounds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    face.flush()
    frames = watch(face, lambda frame, frames: any(isinstance(e, Finished) for e in events))
    heard = np.concatenate([frame.sound for frame in frames if frame.utterance is not None])
    levels = heard[:60_000].reshape(3, 20_000)
    assert (levels == levels[:, :1]).all(), "none is cut into another"


def test_a_push_that_finds_no_room_in_time_leaves_nothing_behind(face, speech):
    face.push(np.zeros(16_000 * 121, np.float32))
    face.flush()
    with pytest.raises(TimeoutError):
        face.push(speech, timeout=0.05)
    face.interrupt()
    events = []
    face.subscribe(events.append)
    number = face.push(speech[:8000])
    face.flush()
    watch(face, lambda frame, frames: any(isinstance(e, Finished) for e in events))
    assert Finished(number, 0.5) in events


def test_nothing_is_left_when_it_is_closed(engine, avatar, speech):
    before = set(live_threads())
    with Performer(engine, avatar) as face:
        reader = face.frames()
        next(reader)
        face.push(speech)
    assert len(list(reader)) <= 50, "what was waiting, then an end"
    assert set(live_threads()) <= before
    for call in (lambda: face.push(speech), face.interrupt, lambda: face.listen(speech)):
        with pytest.raises(Cancelled, match="closed"):
            call()


def test_a_stage_that_fails_ends_the_frames_with_its_error(avatar, speech):
    class Breaks(Poses):
        def process(self, item):
            if item.index > 30:
                raise RuntimeError("it broke")
            yield item

    with Engine.load("mini_online") as engine:
        engine.add_stage("stitch", lambda: Breaks({}))
        own = engine.register("examples/drawn_woman.jpg", max_size=256)
        with Performer(engine, own) as face, pytest.raises(StageError, match=r"poses.*it broke"):
            list(face.frames(timeout=10))
        with pytest.raises(StageError, match="it broke"):
            face.push(speech)


def test_a_subscriber_that_fails_does_not_stop_the_time(face, speech, caplog):
    def broken(event):
        raise ValueError("not me")

    events = []
    end = face.subscribe(broken)
    face.subscribe(events.append)
    face.push(speech[:8000])
    face.flush()
    watch(face, lambda frame, frames: any(isinstance(e, Finished) for e in events))
    end()
    assert "not me" in caplog.text


def test_who_speaks_up_is_let_speak(engine, avatar, speech):
    loud = lambda samples: float(np.abs(samples).max() > 0.05)  # noqa: E731
    events = []
    with Performer(engine, avatar, barge_in=0.1, detect=loud) as face:
        face.subscribe(events.append)
        face.push(0.01 * speech)
        watch(face, lambda frame, frames: frame.utterance is not None)
        face.listen(np.tile(np.float32([0.3, -0.3]), 4000))
        watch(face, lambda frame, frames: any(isinstance(e, Interrupted) for e in events))
        watch(face, lambda frame, frames: any(isinstance(e, Listening) for e in events))
    assert next(event for event in events if isinstance(event, Listening)).speaks


def test_the_same_face_is_awaited(engine, avatar, speech):
    async def talk():
        seen, told = [], []
        async with AsyncPerformer(Performer(engine, avatar)) as face:

            async def events():
                async for event in face.events():
                    told.append(event)

            task = asyncio.create_task(events())
            await face.push(speech[:8000])
            await face.flush()
            async for frame in face.frames():
                seen.append(frame)
                if any(isinstance(event, Finished) for event in told):
                    break
            await face.push(speech)
            await face.interrupt()
            task.cancel()
        return seen, told

    seen, told = asyncio.run(talk())
    assert len(seen) >= 12 and isinstance(told[0], Started)
    assert not [t for t in live_threads() if t.name in ("ditto-perform", "ditto-collect")]


def gaps(poses, turn, frames):
    """Millimetres between the lips."""
    return [poses[turn, n].expression.reshape(-1)[Exp.GAP] / METRE for n in frames if (turn, n) in poses]


def head_steps(poses, frames):
    """Degrees that the head turns from one frame to the next, by frame."""
    steps = {}
    for n in frames:
        if (0, n) in poses and (0, n - 1) in poses:
            steps[n] = step(poses[0, n - 1], poses[0, n])
    return steps


def step(before, after):
    """Degrees between two poses of a head."""
    return max(abs(getattr(before, angle) - getattr(after, angle)) for angle in ("yaw", "pitch", "roll"))


def first_pictures(engine, avatar, count, **more):
    """As many pictures of a new face, and the pose that follows them."""
    with Performer(engine, avatar, **more) as face:
        pictures = []
        for frame in face.frames(timeout=20):
            pictures += [] if frame.image is None else [frame.image.astype(np.int16)]
            if len(pictures) == count:
                return pictures, face.pose


def steps(pictures):
    return [float(np.abs(after - before).mean()) for before, after in itertools.pairwise(pictures)]


def test_another_face_goes_on_from_the_pose_in_which_one_was_seen(engine, avatar):
    seen, pose = first_pictures(engine, avatar, 110)
    following, _ = first_pictures(engine, avatar, 15, pose=pose)
    anew, _ = first_pictures(engine, avatar, 1)
    usual = np.percentile(steps(seen), 99)
    assert steps([seen[-1], *following])[0] < usual < steps([seen[-1], *anew])[0]
    assert max(steps(following)) < 2 * usual, "it leaves the pose in a jump"


@pytest.mark.parametrize("pose", [np.zeros(7, np.float32), np.full(265, np.nan, np.float32)])
def test_what_is_no_pose_is_refused(engine, avatar, pose):
    with pytest.raises(ConfigError, match="must be 265 numbers"):
        Performer(engine, avatar, pose=pose)
