import contextlib
import sys
import threading
import time

import numpy as np
import pytest

from cfg.errors import Cancelled, ConfigError, StageError
from stream_pipeline.session import Session

MODES = ("offline", "online")


def stage_threads():
    return [t for t in threading.enumerate() if t.name.startswith("ditto-")]


def pushed(session, sound, step):
    """Pushes from another thread, then ends the sound."""

    def feed():
        for at in range(0, len(sound), step):
            session.push(sound[at : at + step])
        session.end()

    thread = threading.Thread(target=feed, daemon=True)
    thread.start()
    return thread


def rendered(pack, avatar, settings, sound, step=1000, rate=16000):
    with Session(pack, avatar, settings, rate=rate) as session:
        pushed(session, sound, step)
        return list(session.pictures())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("samples", [1, 639, 640, 641, 4480, 16000, 80 * 640, 80 * 640 + 1, 100_000])
def test_a_voice_gives_exactly_its_number_of_frames(fake_pack, portrait, settings, voice, mode, samples):
    pictures = rendered(fake_pack(), portrait, settings(stream={"mode": mode}), voice(samples))
    assert len(pictures) == -(-samples // 640)
    assert [p.index for p in pictures] == list(range(len(pictures)))


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000, 96000])
def test_any_rate_gives_the_frames_of_its_duration(fake_pack, portrait, settings, voice, rate):
    pictures = rendered(fake_pack(), portrait, settings(), voice(rate), rate=rate)
    assert len(pictures) == 25


def test_the_sound_handed_back_is_the_sound_that_went_in(fake_pack, portrait, settings, voice):
    sound = voice(10_000)
    pictures = rendered(fake_pack(), portrait, settings(stream={"mode": "online"}), sound, step=77)
    back = np.concatenate([p.sound for p in pictures])
    np.testing.assert_array_equal(back[:10_000], sound)
    assert not back[10_000:].any()


@pytest.mark.parametrize("mode", MODES)
def test_the_same_seed_gives_the_same_bits_however_the_sound_is_cut_and_threads_run(
    fake_pack, portrait, settings, voice, mode
):
    rng = np.random.default_rng(0)
    dawdling = fake_pack(lambda role: time.sleep(rng.random() / 1000))
    chosen = settings(stream={"mode": mode}, motion={"seed": 5})
    whole = rendered(fake_pack(), portrait, chosen, voice(40_000), step=40_000)
    pieces = rendered(dawdling, portrait, chosen, voice(40_000), step=333)
    assert all(np.array_equal(a.image, b.image) for a, b in zip(whole, pieces, strict=True))


def test_another_seed_gives_other_motion(fake_pack, portrait, settings, voice):
    one, other = (
        rendered(fake_pack(), portrait, settings(motion={"seed": s}), voice(40_000)) for s in (1, 2)
    )
    assert any(not np.array_equal(a.image, b.image) for a, b in zip(one, other, strict=True))


def test_two_sessions_of_one_avatar_do_not_disturb_each_other(fake_pack, portrait, settings, voice):
    pack, chosen = fake_pack(), settings(stream={"mode": "online"})
    alone = rendered(pack, portrait, chosen, voice(30_000, 1))
    with Session(pack, portrait, chosen) as a, Session(pack, portrait, chosen) as b:
        pushed(a, voice(30_000, 1), 700)
        pushed(b, voice(30_000, 2), 900)
        together = list(zip(a.pictures(), b.pictures(), strict=True))
    assert all(np.array_equal(x.image, y[0].image) for x, y in zip(alone, together, strict=True))


def test_online_the_first_picture_comes_before_the_sound_has_ended(fake_pack, portrait, settings, voice):
    with Session(fake_pack(), portrait, settings(stream={"mode": "online"})) as live:
        live.push(voice(5 * 640))
        first = next(live.pictures(timeout=20))
    assert first.index == 0


def test_an_utterance_that_ends_gives_its_last_frames_at_once_and_another_may_follow(
    fake_pack, portrait, settings, voice
):
    with Session(fake_pack(), portrait, settings(stream={"mode": "online"})) as live:
        pictures = live.pictures(timeout=20)
        for samples in (1000, 2000):
            live.push(voice(samples))
            live.end_of_speech()
            assert [next(pictures).index for _ in range(-(-samples // 640))]
        live.end()
        assert list(pictures) == []


def test_after_an_interruption_only_the_new_turn_is_delivered(fake_pack, portrait, settings, voice):
    gate = threading.Event()
    pack = fake_pack(lambda role: gate.wait(20) if role == "decode" else None)
    with Session(pack, portrait, settings(stream={"mode": "online"})) as live:
        live.push(voice(40 * 640))
        live.interrupt()
        gate.set()
        live.push(voice(10 * 640))
        live.end()
        turns = [p.turn for p in live.pictures(timeout=20)]
    assert turns == [1] * 10


def test_an_interruption_frees_a_push_that_waits(fake_pack, portrait, settings, voice):
    gate = threading.Event()
    pack = fake_pack(lambda role: gate.wait(20) if role == "warp" else None)
    with Session(pack, portrait, settings(stream={"mode": "online"})) as live:
        pusher = threading.Thread(target=lambda: [live.push(voice(640)) for _ in range(500)], daemon=True)
        pusher.start()
        for _ in range(100):
            if not pusher.is_alive():
                break
            live.interrupt()
            gate.set()
            pusher.join(0.05)
            for _ in range(20):
                try:
                    next(live.pictures(timeout=0.01))
                except TimeoutError:
                    break
        pusher.join(20)
        assert not pusher.is_alive()


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_a_push_that_times_out_takes_nothing_and_may_be_repeated(fake_pack, portrait, settings, rate):
    gate = threading.Event()
    pack = fake_pack(lambda role: gate.wait(20) if role == "warp" else None)
    ramp = np.arange(1, 3 * rate + 1, dtype=np.float32) / (3 * rate + 1)  # each sample tells where it is from
    pieces = [ramp[at : at + 400] for at in range(0, len(ramp), 400)]
    given, late = [], 0

    def read(session):
        given.extend(p.sound for p in session.pictures())

    with Session(pack, portrait, settings(stream={"mode": "online"}), rate=rate) as live:
        reader = threading.Thread(target=read, args=(live,), daemon=True)
        reader.start()
        for piece in pieces:
            while True:
                try:
                    live.push(piece, timeout=0.02 if late < 4 else 20)
                    break
                except TimeoutError:
                    late += 1
                    if late == 4:
                        gate.set()
        live.end()
        reader.join(20)
    assert late == 4
    with Session(fake_pack(), portrait, settings(stream={"mode": "online"}), rate=rate) as live:
        pushed(live, ramp, len(ramp))
        wanted = [p.sound for p in live.pictures()]
    np.testing.assert_allclose(np.concatenate(given), np.concatenate(wanted), atol=1e-6)


def test_a_push_of_minutes_is_taken_as_a_whole_or_not_at_all(fake_pack, portrait, settings, voice):
    gate = threading.Event()
    pack = fake_pack(lambda role: gate.wait(20) if role == "warp" else None)
    long = voice(100 * 16_000)
    with Session(pack, portrait, settings(stream={"mode": "online"})) as live:
        live.push(long, timeout=5)
        with pytest.raises(TimeoutError):
            live.push(long, timeout=0.02)
        live.end()
        gate.set()
        sound = np.concatenate([p.sound for p in live.pictures(timeout=20)])
    np.testing.assert_array_equal(sound, long)


def test_a_push_that_waits_for_another_keeps_to_its_timeout(fake_pack, portrait, settings, voice):
    gate = threading.Event()
    pack = fake_pack(lambda role: gate.wait(20) if role == "warp" else None)

    def push_for_ever(session):
        with contextlib.suppress(Cancelled):
            while True:
                session.push(voice(16_000))

    with Session(pack, portrait, settings(stream={"mode": "online"})) as live:
        waiting = threading.Thread(target=push_for_ever, args=(live,), daemon=True)
        waiting.start()
        with pytest.raises(TimeoutError):
            for _ in range(1000):
                live.push(voice(640), timeout=0.05)
        live.cancel()
        gate.set()
        waiting.join(20)
        assert not waiting.is_alive()


def test_interruptions_from_several_threads_at_once_leave_one_turn(fake_pack, portrait, settings, voice):
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(40):
            with Session(fake_pack(), portrait, settings(stream={"mode": "online"})) as live:
                threads = [
                    threading.Thread(target=lambda: [live.interrupt() for _ in range(10)]) for _ in range(4)
                ]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join(20)
                live.push(voice(3 * 640))
                live.end()
                assert [(p.turn, p.frame) for p in live.pictures(timeout=20)] == [(40, 0), (40, 1), (40, 2)]
    finally:
        sys.setswitchinterval(before)


def test_no_picture_of_an_interrupted_turn_is_handed_out_afterwards(fake_pack, portrait, settings, voice):
    with Session(fake_pack(), portrait, settings(stream={"mode": "online"})) as live:
        turns = []

        def read():
            for picture in live.pictures():
                turns.append((picture.turn, picture.sound.any()))

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        for _ in range(50):
            live.push(voice(4 * 640))
            live.interrupt()
        live.push(voice(4 * 640))
        live.end()
        reader.join(20)
    assert [turn for turn, _ in turns] == sorted(turn for turn, _ in turns)
    assert turns[-4:] == [(50, True)] * 4


@pytest.mark.parametrize("use", ["push", "push_features", "end_of_speech", "end", "pictures"])
def test_a_session_outside_its_with_block_says_so_and_does_not_wait(
    fake_pack, portrait, settings, voice, use
):
    session = Session(fake_pack(), portrait, settings())
    given = {"push": [voice(640)], "push_features": [np.zeros((1, 1), np.float32)]}.get(use, [])
    with pytest.raises(ConfigError, match="'with' block"):
        list(getattr(session, use)(*given) or ())
    with session:
        session.end()
        assert list(session.pictures()) == []
    with pytest.raises(ConfigError, match="runs once"):
        session.__enter__()


def test_after_the_end_nothing_more_is_taken_in(fake_pack, portrait, settings, voice):
    with Session(fake_pack(), portrait, settings()) as session:
        session.push(voice(640))
        session.end()
        session.end()
        with pytest.raises(ConfigError, match="has ended"):
            session.push(voice(640))
        assert len(list(session.pictures())) == 1


def test_as_much_as_fits_may_be_pushed_and_ended_before_anything_is_read(
    fake_pack, portrait, settings, voice
):
    gate = threading.Event()
    pack = fake_pack(lambda role: gate.wait(20) if role == "warp" else None)
    with Session(pack, portrait, settings(stream={"mode": "online"})) as live:
        with pytest.raises(TimeoutError):
            for _ in range(1000):
                live.push(voice(640), timeout=0.05)
        live.end()
        gate.set()
        assert list(live.pictures(timeout=20))


def test_an_interruption_does_not_wait_for_who_pushes_on(fake_pack, portrait, settings, voice):
    gate = threading.Event()
    pack = fake_pack(lambda role: gate.wait(20) if role == "warp" else None)

    def push_for_ever(session):
        with contextlib.suppress(Cancelled):
            while True:
                session.push(voice(640))

    with Session(pack, portrait, settings(stream={"mode": "online"})) as live:
        pusher = threading.Thread(target=push_for_ever, args=(live,), daemon=True)
        pusher.start()
        for _ in range(30):
            with pytest.raises(TimeoutError):  # where the pusher is held back
                while True:
                    live.push(voice(640), timeout=0.02)
            live.interrupt()
        live.cancel()
        gate.set()
        pusher.join(20)
        assert not pusher.is_alive()


def test_cancelling_wakes_whoever_reads_and_leaves_no_thread(fake_pack, portrait, settings, voice):
    with Session(fake_pack(), portrait, settings(stream={"mode": "online"})) as live:
        threading.Timer(0.05, live.cancel).start()
        with pytest.raises(Cancelled):
            list(live.pictures())
    assert stage_threads() == []


def test_a_reader_that_stops_pulling_holds_the_stream_back(fake_pack, portrait, settings, voice):
    online = settings(stream={"mode": "online"})
    with Session(fake_pack(), portrait, online) as live, pytest.raises(TimeoutError):
        while True:
            live.push(voice(6400), timeout=0.2)
    assert stage_threads() == []


@pytest.mark.parametrize("role", ["warp", "decode", "putback"])
def test_a_failing_network_reaches_the_reader_with_stage_and_frame(
    fake_pack, portrait, settings, voice, role
):
    def work(called):
        if called == role:
            raise MemoryError("out of memory")

    with Session(fake_pack(work), portrait, settings()) as session:
        pushed(session, voice(6400), 6400)
        with pytest.raises(StageError, match=f"stage '{role}' failed at frame 0: out of memory"):
            list(session.pictures())
    assert stage_threads() == []


def test_after_a_failure_the_next_push_raises_it(fake_pack, portrait, settings, voice):
    def work(called):
        raise ValueError("broken")

    online = settings(stream={"mode": "online"})
    with Session(fake_pack(work), portrait, online) as live, pytest.raises(StageError, match="broken"):
        for _ in range(1000):
            live.push(voice(640), timeout=10)


@pytest.mark.parametrize(
    ("sound", "words"),
    [
        (np.zeros((10, 2), np.float32), "shape"),
        (np.array([np.nan], np.float32), "NaN"),
        (np.array([32768.0], np.float32), "90 dB over"),
        (np.array([1e30]), "600 dB over"),
        (np.zeros(10, np.int32), "int32"),
        (np.array(["a"]), "float or 16-bit"),
    ],
)
def test_sound_that_is_none_is_refused(fake_pack, portrait, settings, sound, words):
    with Session(fake_pack(), portrait, settings()) as session, pytest.raises(ConfigError, match=words):
        session.push(sound)


def test_sixteen_bit_samples_are_taken_as_they_are_in_files(fake_pack, portrait, settings):
    with Session(fake_pack(), portrait, settings()) as session:
        session.push(np.full(640, 16384, np.int16))
        session.end()
        (picture,) = session.pictures()
    np.testing.assert_array_equal(picture.sound, np.full(640, 0.5, np.float32))


def test_controls_may_be_set_while_the_stream_runs(fake_pack, portrait, settings, voice):
    with Session(fake_pack(), portrait, settings()) as session:
        session.control(3, delta_exp=0.5)
        pushed(session, np.zeros(6 * 640, np.float32), 640)
        values = [int(p.image[0, 1, 0]) for p in session.pictures()]
    assert len(values) == 6


def test_a_video_plays_back_and_forth(fake_pack, video, settings, voice):
    avatar = video(4)
    shown = [int(p.image[5, 5, 0]) for p in rendered(fake_pack(), avatar, settings(), voice(11 * 640))]
    avatar.close()
    assert shown == [0, 1, 2, 3, 3, 2, 1, 0, 0, 1, 2]


def test_a_video_goes_on_playing_across_an_interruption(fake_pack, video, settings, voice):
    avatar = video(50)
    with Session(fake_pack(), avatar, settings(stream={"mode": "online"})) as live:
        pictures = live.pictures(timeout=20)
        live.push(voice(5 * 640))
        before = [int(next(pictures).image[5, 5, 0]) for _ in range(5)]
        live.interrupt()
        live.push(voice(5 * 640))
        after = [int(next(pictures).image[5, 5, 0]) for _ in range(5)]
    avatar.close()
    assert before == [0, 1, 2, 3, 4]
    assert after == list(range(after[0], after[0] + 5))
    assert after[0] >= 5
