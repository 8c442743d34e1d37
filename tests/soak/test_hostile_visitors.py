"""Hostile visitors all at once, beside one who only watches: its pictures are not late, and little is logged.

DITTO_LIVE_SECONDS says how long they go on, DITTO_LIVE_SEED repeats a run.
"""

import contextlib
import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import psutil
import pytest

from tests.ditto_server.conftest import command
from tests.ditto_server.test_hostile import frame, raw, upgraded
from tests.soak import live_fuzz

ROOT = Path(__file__).parents[2]
SECONDS = min(60.0, float(os.environ.get("DITTO_LIVE_SECONDS", "60")))
SEED = int(os.environ.get("DITTO_LIVE_SEED") or random.SystemRandom().randrange(10**6))
CALM_SECONDS = 10.0
HUNG_UP_SECONDS = 25.0  # after which none of their connections is left
LATER_MS = 40.0  # at the 95th percentile, than without them
LEFT_OPEN = 1000
GROWTH = 40 << 20  # bytes, of all processes
PROCESSES = 3
PAGE = b"GET /pages/main.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
SLOW_BODY = b"POST /v1/sessions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60000\r\n\r\n{"
BEGINNINGS = [b"", b"GET /v1/he", b"GET / HTTP/1.1\r\nHost: a\r\n", SLOW_BODY, b"\x16\x03\x01" * 9]


class Hostile:
    """Threads that do harm until they are stopped, and what each has done."""

    def __init__(self, live, sessions):
        self.live, self.sessions = live, sessions
        self.done = Counter()
        self.stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._again, args=(deed, random.Random(SEED + place)))
            for place, deed in enumerate(
                (self.commands, self.requests, self.offers, self.frames, self.pings, self.unread, self.open)
            )
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _again(self, deed, chance):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)  # they have machines of their own
        while not self.stop.is_set():
            with contextlib.suppress(OSError, AssertionError, httpx.HTTPError):  # hung up on, or refused
                deed(chance, chance.choice(self.sessions))

    def commands(self, chance, session):
        with upgraded(self.live, session) as wire:
            while not self.stop.is_set():
                texts = [live_fuzz.command(chance)[:125] for _ in range(20)]
                wire.sendall(b"".join(frame(1, text) for text in texts))
                self.done["commands"] += len(texts)
                wire.recv(1 << 16)

    def requests(self, chance, session):
        with raw(self.live, b"GET / HTTP/1.1\r\n" + chance.randbytes(50) + b"\r\n\r\n") as wire:
            self.done["requests"] += 1
            wire.recv(1 << 16)

    def offers(self, chance, session):
        with self.live.client() as client:
            sdp = live_fuzz.offer(chance, ["v=0", "m=video 9 UDP/TLS/RTP/SAVPF 96", "a=rtpmap:96 VP8/90000"])
            while not self.stop.is_set():
                client.post(session["links"]["offer"], json={"type": "offer", "sdp": sdp})
                self.done["offers"] += 1

    def frames(self, chance, session):
        with upgraded(self.live, session) as wire:
            sent = [live_fuzz.frame(chance) for _ in range(50)]
            self.done["frames"] += len(sent)
            wire.settimeout(0.2)
            wire.sendall(b"".join(sent))
            while wire.recv(1 << 16):
                pass

    def pings(self, chance, session):
        with upgraded(self.live, session) as wire:
            wire.settimeout(2)
            while not self.stop.is_set():
                wire.sendall(frame(9, b"x" * 125) * 100)
                self.done["pings"] += 100

    def unread(self, chance, session):
        with raw(self.live) as wire:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            wire.settimeout(2)
            while not self.stop.is_set():
                wire.sendall(PAGE * 20)
                self.done["pages"] += 20

    def open(self, chance, session):
        with contextlib.ExitStack() as left:
            for _ in range(LEFT_OPEN):
                left.enter_context(raw(self.live, chance.choice(BEGINNINGS)))
                self.done["left open"] += 1
            self.stop.wait(10)


@contextlib.contextmanager
def viewer(live, session):
    """A function that gives what the viewer has seen since it was last called."""
    line = [sys.executable, "-m", "tests.soak.punctual_viewer", str(live.port), session["links"]["offer"]]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(line, cwd=ROOT, **pipes) as process:

        def seen():
            process.stdin.write("\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        try:
            assert process.stdout.readline() == "up\n"
            yield seen
        finally:
            process.kill()


def memory(live):
    return sum(one.memory_info().rss for one in (psutil.Process(live.process.pid), *live.workers()))


@pytest.mark.soak
@pytest.mark.timeout(SECONDS + 300)
def test_who_only_watches_notices_nothing_of_hostile_visitors():
    print(f"\nseed {SEED}")
    with command("--mock") as live:
        watched, *theirs = (live.session() for _ in range(3))  # one of theirs is in the same process
        with viewer(live, watched) as seen:
            time.sleep(3)
            seen()
            time.sleep(CALM_SECONDS)
            before = seen()
            with Hostile(live, theirs):
                time.sleep(SECONDS / 2)
            time.sleep(HUNG_UP_SECONDS)
            seen()
            held = memory(live)
            with Hostile(live, theirs) as hostile:
                time.sleep(SECONDS)
                during = seen()
            time.sleep(HUNG_UP_SECONDS)
            after, grown = seen(), memory(live) - held
        live.process.terminate()
        said = live.process.stderr.read().splitlines()
    kinds = Counter(re.sub(r"\d+", "0", line) for line in said)
    print(dict(hostile.done), f"{grown / 2**20:.1f} MiB more")
    for name, one in (("before", before), ("during", during), ("after", after)):
        print(name, one)
    print(dict(kinds))
    assert all(
        hostile.done[kind] for kind in ("commands", "requests", "offers", "frames", "pings", "left open")
    )
    assert during["pictures"] > 0.95 * 25 * SECONDS
    assert during["p95"] < before["p95"] + LATER_MS
    assert grown < GROWTH
    assert max(kinds.values()) <= PROCESSES and "Traceback (most recent call last):" not in kinds
