"""Parts of the server, each by itself."""

import contextlib
import threading

import numpy as np
import pytest

from ditto_server.live.encoding import MAX_BITRATE, PictureEncoder, SoundEncoder
from ditto_server.live.feed import Pace
from ditto_server.live.limits import Admission, Bucket
from ditto_server.live.microphone import Microphone, SpeechGate
from ditto_server.live.mock_face import MockFace
from stream_pipeline.live_face import Interrupted
from tests.ditto_server.test_socket import FullFace

LOUD, QUIET = np.full(320, 0.1, np.float32), np.zeros(320, np.float32)


def test_silence_of_a_microphone_is_not_spoken_and_a_word_keeps_its_beginning():
    gate = SpeechGate(16_000)
    assert [len(gate.pass_on(piece)) for piece in [QUIET] * 10] == [0] * 10
    assert len(gate.pass_on(LOUD)) == 6 * 320
    assert [len(gate.pass_on(piece)) for piece in [QUIET] * 40].count(320) == 30
    assert not gate.open


def test_a_word_comes_to_its_end_where_the_last_of_its_sound_does_not_fit():
    face = FullFace()
    microphone = Microphone(face, Bucket(10, 10), "through")
    microphone.hear(LOUD, 16_000)
    for _ in range(40):
        with contextlib.suppress(TimeoutError):
            microphone.hear(QUIET, 16_000)
    assert face.told == ["push", "flush"]


def test_a_bucket_fills_again_as_time_goes_by():
    now = [0.0]
    bucket = Bucket(2.0, 3.0, lambda: now[0])
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    now[0] = 0.5
    assert [bucket.take() for _ in range(2)] == [True, False]


def test_a_session_is_admitted_by_number_or_by_what_is_left_of_the_processor():
    now, used = [0.0], [0.0]
    by_load = Admission(None, 2, lambda: used[0], lambda: now[0])
    assert by_load.refusal(0, 0) is None
    now[0], used[0] = 10.0, 9.0
    by_load.measure()
    assert by_load.refusal(2, 0) is None
    now[0], used[0] = 20.0, 25.0
    by_load.measure()
    assert "2 sessions keep 1.6 of 2 cores busy" in by_load.refusal(2, 0)
    assert "short of processor time" in by_load.refusal(2, 1)
    assert Admission(3).refusal(2, 2) is None
    assert "takes no more" in Admission(3).refusal(3, 0)


def test_key_frames_come_when_asked_for_and_not_more_often_than_is_good():
    image = np.random.default_rng(0).integers(0, 255, (64, 48, 3), np.uint8)
    for codec in ("H264", "VP8"):
        encoder = PictureEncoder(codec)
        keys = []
        for index in range(6):
            if index == 3:
                encoder.request_key_frame()
            keys += [coded.key for coded in encoder.encode(image, index)]
        assert keys == [True, False, False, True, False, False]
    pace = Pace()
    assert [pace.key_frame("H264", now) for now in (0.0, 0.1, 0.2, 0.31)] == [True, False, False, True]


def test_pictures_of_odd_and_of_other_sizes_are_encoded():
    encoder = PictureEncoder("H264")
    for index, shape in enumerate([(65, 49), (65, 49), (128, 96)]):
        (coded,) = encoder.encode(np.zeros((*shape, 3), np.uint8), index)
        assert coded.ticks == 3600 * index


def test_a_frame_of_sound_is_two_packets_on_the_clock_of_its_index():
    encoder = SoundEncoder(24_000)
    assert [coded.ticks for coded in encoder.encode(np.zeros(960, np.float32), 10)] == [19_200, 20_160]


def test_the_bitrate_gives_way_where_less_goes_through_than_is_sent_and_comes_back():
    pace = Pace()
    assert pace.bitrate(offered=300_000, sent=200_000, now=10) == MAX_BITRATE  # all that is sent gets through
    low = pace.bitrate(offered=500_000, sent=1_500_000, now=20)
    assert low == 425_000
    assert pace.bitrate(offered=500_000, sent=400_000, now=21) == low  # not at once
    assert pace.bitrate(offered=900_000, sent=400_000, now=23) > low


@pytest.fixture
def face():
    with MockFace(np.zeros((64, 48, 3), np.uint8)) as face:
        yield face


def test_frames_of_a_mock_come_without_gaps_and_show_what_is_loud(face):
    frames = face.frames(timeout=5)
    next(frames)  # from here on they are kept for this reader
    face.push(np.full(6400, 0.5, np.float32))
    face.flush()
    seen = [next(frames) for _ in range(12)]
    assert np.diff([frame.index for frame in seen]).tolist() == [1] * 11
    lit = [frame for frame in seen if frame.image[2, 2].min() > 200]
    assert [frame.utterance for frame in lit] == [0] * len(lit) and len(lit) >= 8
    assert all(np.abs(frame.sound).max() > 0.1 for frame in lit)
    frames.close()


def test_of_a_long_text_a_mock_holds_two_minutes_and_speaks_it_all():
    """By the mock's own steps, which do not wait for the time."""
    made = []

    def speak(text):
        for second in range(300):
            made.append(second)
            yield np.full(25, 0.5, np.float32)

    face = MockFace(np.zeros((64, 48, 3), np.uint8), rate=25, speak=speak)
    face.say("long")
    face.say("longer")
    assert len(made) == face.figures.queued_seconds == 120
    spoken = [face._voice() for _ in range(200 * 25)]
    assert face.figures.queued_seconds == pytest.approx(120, abs=1)
    spoken += [face._voice() for _ in range(400 * 25)]
    assert [utterance for _, utterance in spoken] == [0] * 7500 + [1] * 7500
    assert all(sound.tolist() == [0.5] for sound, _ in spoken)


def test_an_interrupted_mock_fades_and_is_quiet(face):
    told = []
    heard = threading.Event()
    face.subscribe(lambda event: (told.append(event), heard.set()))
    frames = face.frames(timeout=5)
    face.push(np.full(160_000, 0.5, np.float32))
    while next(frames).utterance is None:
        pass
    face.interrupt()
    first = next(frame for frame in frames if frame.turn == 1)  # those before it were waiting already
    assert first.sound[-1] == 0
    assert not any(next(frames).sound.any() for _ in range(4))
    assert heard.wait(5)
    while not any(isinstance(event, Interrupted) for event in told):
        next(frames)
    frames.close()
