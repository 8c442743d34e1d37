"""Live sessions that start, interrupt and end at random while their frames are painted in shared calls."""

import random
import threading
import time

import numpy as np
import pytest

from model_formats.batching import Batches
from stream_pipeline.session import Session

SESSIONS = 6


class Network:
    """Rows that do not look at each other, slow enough that sessions meet."""

    def run(self, feeds):
        time.sleep(0.002)
        return {"out": feeds["value"] * 3 + 1}


@pytest.fixture
def pack(fake_pack):
    """pack(shared): one whose warper asks a network that others ask too, and checks the answer."""

    class Pack(fake_pack):
        def __init__(self, network):
            super().__init__()
            self.network = network

        def warper(self):
            def warp(pose):
                value = np.full((1, 1), pose.driven[0, 6, 0], np.float32)
                answer = self.network.run({"value": value})["out"]
                assert np.array_equal(answer, value * 3 + 1)
                return float(answer[0, 0])

            return warp

    return Pack


def played(session, voice, seed):
    """The frames of each turn of a session that pushes, interrupts and goes on as its seed has it."""
    chance = random.Random(seed)
    seen = {0: [], 1: [], 2: []}

    def feed():
        for turn in range(3):
            session.push(voice(640 * (6 + seed + turn), seed=10 * seed + turn))
            if turn < 2:
                time.sleep(chance.uniform(0, 0.05))
                session.interrupt()
        session.end()

    feeding = threading.Thread(target=feed)
    feeding.start()
    for picture in session.pictures(timeout=30):
        seen[picture.turn].append(picture.frame)
    feeding.join()
    return seen


def test_each_gets_its_own_answers_in_order_and_the_last_turn_is_whole(pack, portrait, settings, voice):
    shared = Batches(Network(), 4, wait=0.005, fixed=False)
    live = settings(stream={"mode": "online"})
    seen = {}

    def run(number):
        time.sleep(random.Random(number).uniform(0, 0.1))
        with Session(pack(shared), portrait, live) as session:
            seen[number] = played(session, voice, number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(SESSIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert max(shared.sizes) > 1
    for number in range(SESSIONS):
        assert seen[number][2] == list(range(6 + number + 2))
        assert all(frames == list(range(len(frames))) for frames in seen[number].values())
