"""Malformed messages to the live server: each is answered or refused, and the next visitor is served.

A hundred of each here; `make soak` sends a hundred thousand of each kind, in DITTO_LIVE_SECONDS at most.
DITTO_LIVE_SEED repeats a run.
"""

import asyncio
import contextlib
import gc
import logging
import os
import random
import threading
import time
from collections import Counter

import httpx
import psutil
import pytest

pytest.importorskip("aiortc", reason="aiortc needs Python 3.11 or newer")

from aiortc import RTCConfiguration, RTCPeerConnection
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from ditto_server.live.faces import MockFaces
from ditto_server.live.limits import Limits
from tests.ditto_server.conftest import PORTRAITS, Watched, running
from tests.ditto_server.test_hostile import upgraded
from tests.soak import live_fuzz

SEED = int(os.environ.get("DITTO_LIVE_SEED") or random.SystemRandom().randrange(10**6))
FEW, MANY = 100, 100_000
SECONDS = float(os.environ.get("DITTO_LIVE_SECONDS", "900"))  # in which as many are sent as can be
GROWTH = 40 << 20  # bytes
POOL = (os.cpu_count() or 1) + 4  # threads of asyncio, which begin one by one
PATIENT = Limits(max_sessions=2, commands_per_second=1e6, offers_per_minute=1e9)
counts = pytest.mark.parametrize(
    "count", [FEW, pytest.param(MANY, marks=[pytest.mark.soak, pytest.mark.timeout(SECONDS + 300)])]
)


@pytest.fixture
def served(caplog):
    """A server that takes any number of messages; it may log nothing of its own about them."""
    with running(Watched(MockFaces(PORTRAITS)), PATIENT) as live:
        yield live
    kinds = Counter((record.name, str(record.msg).partition("\n")[0]) for record in caplog.records)
    print(f"seed {SEED}", dict(kinds))
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("ditto") and r.levelno > logging.INFO]
    assert ours == []
    assert not [name for name, _ in kinds if name == "asyncio"], kinds


class Fuzzed:
    """So many messages, in bounded time; memory and threads are what they were after the first of them."""

    def __init__(self, count):
        self.count, self.sent, self.answers = count, 0, Counter()
        self._began = time.monotonic()
        self._before = None

    def go_on(self):
        took = time.monotonic() - self._began
        if self._before is None and (self.sent >= min(self.count // 3, 3000) or took > SECONDS / 3):
            self._before = self._state()
        return self.sent < self.count and took < SECONDS

    def judge(self):
        memory, threads = (now - before for now, before in zip(self._state(), self._before, strict=True))
        print(f"{self.sent} sent, {dict(self.answers)}, {memory / 2**20:.1f} MiB, {threads} threads more")
        assert memory < GROWTH
        assert threads <= POOL

    @staticmethod
    def _state():
        gc.collect()
        return psutil.Process().memory_info().rss, threading.active_count()


def client_of(live):
    return httpx.AsyncClient(base_url=live.url, trust_env=False, timeout=30)


async def offered():
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTransceiver("video", direction="recvonly")
    connection.addTransceiver("audio", direction="sendrecv")
    connection.createDataChannel("events")
    await connection.setLocalDescription(await connection.createOffer())
    sdp = connection.localDescription.sdp
    await connection.close()
    return sdp.splitlines()


@counts
def test_malformed_offers_are_answered_or_refused(served, count):
    fuzzed, chance, session = Fuzzed(count), random.Random(SEED), served.session()

    async def offers():
        lines = await offered()
        async with client_of(served) as client:
            while fuzzed.go_on():
                fuzzed.sent += 1
                sdp = live_fuzz.offer(chance, lines)
                if chance.random() < 0.5:
                    answer = await client.post(session["links"]["offer"], json={"type": "offer", "sdp": sdp})
                    path = f"/v1/sessions/{session['id']}/connections/"
                    path += answer.json()["connection"] if answer.status_code == 200 else ""
                else:
                    kind = {"Content-Type": "application/sdp"}
                    answer = await client.post(session["links"]["whep"], content=sdp.encode(), headers=kind)
                    path = answer.headers.get("location", "")
                fuzzed.answers[answer.status_code] += 1
                if answer.status_code in (200, 201):
                    assert (await client.delete(path)).status_code == 200
            return (await client.get(f"/v1/sessions/{session['id']}")).json()["figures"]

    figures = asyncio.run(offers())
    assert set(fuzzed.answers) <= {200, 201, 400, 415}
    assert figures["connections"] == 0
    fuzzed.judge()


@counts
def test_malformed_commands_are_obeyed_or_refused_by_http_and_websocket(served, count):
    fuzzed, chance, session = Fuzzed(count), random.Random(SEED), served.session()

    async def commands():
        async with client_of(served) as client:
            while fuzzed.go_on():
                async with connect(session["socket"], proxy=None) as wire:
                    for _ in range(100):
                        text = live_fuzz.command(chance)
                        fuzzed.sent += 1
                        if chance.random() < 0.2:
                            answer = await client.post(session["links"]["commands"], content=text)
                            fuzzed.answers[answer.status_code] += 1
                        else:
                            await wire.send(text.decode("utf-8", "replace"))
                            said = {"type": ""}
                            while said["type"] not in ("done", "problem"):
                                said = await asyncio.wait_for(anext(told(wire)), 10)
                            fuzzed.answers[said.get("status", 200)] += 1
                await client.post(
                    session["links"]["commands"], json={"type": "interrupt"}
                )  # what was to be said

    asyncio.run(commands())
    assert set(fuzzed.answers) <= {200, 400, 422, 429}
    assert fuzzed.answers[200] and fuzzed.answers[400] and fuzzed.answers[422]
    fuzzed.judge()


async def told(wire):
    yield live_fuzz.json.loads(await wire.recv())


@counts
def test_frames_that_break_the_protocol_end_their_own_connection(served, count):
    fuzzed, chance, session = Fuzzed(count), random.Random(SEED), served.session()
    while fuzzed.go_on():
        frames = [live_fuzz.frame(chance) for _ in range(chance.randint(1, 4))]
        with contextlib.suppress(OSError, AssertionError), upgraded(served, session) as wire:
            fuzzed.sent += len(frames)  # where there is room: those before are being closed meanwhile
            wire.settimeout(0.01)
            wire.sendall(b"".join(frames))
            while wire.recv(1 << 16):
                pass
    fuzzed.judge()

    async def proper():
        async with connect(session["socket"], proxy=None) as wire:
            await wire.send('{"type": "figures"}')
            with contextlib.suppress(ConnectionClosed):
                async for said in wire:
                    if "figures" in said:
                        return True

    assert asyncio.run(proper())
