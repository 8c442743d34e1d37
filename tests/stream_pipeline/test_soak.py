"""Hours in minutes: memory, threads and files after long streams and many interruptions."""

import random
import threading
import time

import numpy as np
import psutil
import pytest
import soundfile

from cfg.errors import Cancelled
from ditto.media.encode import open_sink
from ditto.media.sound import Sound, Track, stream_sound
from stream_pipeline.session import Session

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]

MEGABYTE = 1 << 20
MINUTE = 60 * 25  # frames


def resident():
    return psutil.Process().memory_info().rss


def stage_threads():
    return [t.name for t in threading.enumerate() if t.name.startswith("ditto-")]


@pytest.fixture
def long_voice(tmp_path):
    """long_voice(minutes): a file of noise, written piece by piece."""

    def make(minutes):
        rng = np.random.default_rng(0)
        path = tmp_path / "voice.wav"
        with soundfile.SoundFile(path, "w", 16000, 1, "PCM_16") as file:
            for _ in range(minutes * 60):
                file.write(rng.uniform(-0.3, 0.3, 16000))
        return path

    return make


@pytest.mark.parametrize("mode", ["offline", "online"])
def test_memory_after_thirty_minutes_is_that_after_three(
    fake_pack, portrait, settings, long_voice, tmp_path, mode
):
    path = long_voice(30)
    chosen = settings(stream={"mode": mode})
    output = tmp_path / "out.mp4"
    sound = Sound(np.zeros(0, np.float32), Track(path))
    sink = open_sink(output, portrait.first.image.shape[:2], sound, chosen.output)
    memory = {}
    with Session(fake_pack(), portrait, chosen, sink=sink, sound=stream_sound(path)) as session:
        for picture in session.pictures(timeout=60):
            if picture.index in (3 * MINUTE, 30 * MINUTE - 1):
                memory[picture.index] = resident()
    sink.close()
    early, late = memory.values()
    print(f"\n{mode}: {early / MEGABYTE:.1f} MB after 3 minutes, {late / MEGABYTE:.1f} MB after 30")
    assert late < 1.1 * early


def test_a_source_of_five_thousand_frames_needs_little_memory(fake_pack, video, settings, voice):
    before = resident()
    avatar = video(5000, smoothing=13, side=256)
    most = 0
    voice_pieces = (voice(16000, seed) for seed in range(8 * 60))
    with Session(fake_pack(), avatar, settings(), sound=voice_pieces) as session:
        for picture in session.pictures(timeout=60):
            if picture.index % 250 == 0:
                most = max(most, resident() - before)
    avatar.close()
    assert picture.index == 8 * MINUTE - 1
    print(f"\n{most / MEGABYTE:.1f} MB more than before over two passes of the source")
    assert most < 500 * MEGABYTE


class Caller:
    """Pushes, interrupts and reads one session at random until told to stop."""

    def __init__(self, session, seed):
        self.session, self.random = session, random.Random(seed)
        self.interruptions = self.delivered = 0
        self.faults = []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.guarded, args=(w,)) for w in (self.talk, self.read)]

    def guarded(self, work):
        try:
            work()
        except Cancelled:
            pass
        except Exception as error:
            self.faults.append(error)

    def talk(self):
        while not self.stop.is_set():
            self.session.push(np.zeros(self.random.randrange(1, 20_000), np.float32))
            chance = self.random.random()
            if chance < 0.2:
                self.session.interrupt()
                self.interruptions += 1
            elif chance < 0.3:
                self.session.end_of_speech()

    def read(self):
        turn = 0
        for picture in self.session.pictures():
            assert picture.turn >= turn
            turn = picture.turn
            self.delivered += 1


def test_two_sessions_interrupted_at_random_for_a_minute_leave_nothing(fake_pack, portrait, settings):
    process = psutil.Process()
    pack, online = fake_pack(), settings(stream={"mode": "online"})
    files, memory = process.num_fds(), resident()
    with Session(pack, portrait, online) as a, Session(pack, portrait, online) as b:
        callers = [Caller(a, 1), Caller(b, 2)]
        for caller in callers:
            for thread in caller.threads:
                thread.start()
        time.sleep(60)
        for caller in callers:
            caller.stop.set()
        for session in (a, b):
            session.cancel()
        for caller in callers:
            for thread in caller.threads:
                thread.join(20)
                assert not thread.is_alive()
    for caller in callers:
        assert caller.faults == []
        print(f"\n{caller.interruptions} interruptions, {caller.delivered} pictures")
        assert caller.interruptions > 50
        assert caller.delivered > 50
    assert stage_threads() == []
    assert process.num_fds() == files
    growth = resident() - memory
    print(f"{growth / MEGABYTE:.1f} MB more than before")
    assert growth < 50 * MEGABYTE


def test_a_hundred_sessions_one_after_the_other_leave_nothing(fake_pack, portrait, settings, voice):
    process = psutil.Process()
    pack, online = fake_pack(), settings(stream={"mode": "online"})
    files = process.num_fds()
    for round_ in range(100):
        with Session(pack, portrait, online) as live:
            live.push(voice(6400))
            if round_ % 2:
                next(live.pictures(timeout=20))
    assert stage_threads() == []
    assert process.num_fds() == files
