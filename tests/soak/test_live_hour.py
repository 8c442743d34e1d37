"""An hour of visitors at random: bursts, stalls, interruptions, reloads, lost networks, killed workers.

`DITTO_LIVE_SECONDS` says another length, DITTO_LIVE_SEED repeats a run. Now and then all pause until the one
session is left that stays throughout: what the server holds then must be what it held the first time.
"""

import asyncio
import contextlib
import os
import random
import time
import traceback
from collections import Counter
from dataclasses import dataclass

import cv2
import psutil
import pytest

from tests.ditto_server.conftest import EXAMPLES, command
from tests.ditto_server.test_socket import tone
from tests.soak.visitors import Gone, Watcher, Wire, client_of

SECONDS = float(os.environ.get("DITTO_LIVE_SECONDS", "3600"))
SEED = int(os.environ.get("DITTO_LIVE_SEED") or random.SystemRandom().randrange(10**6))

VISITORS = 4
SIDE = 320  # pixels of the portrait
PAUSES = (2 / 15, 5 / 15, 10 / 15, 1.0)  # parts of the time after which all pause; the first is the warm-up
KILL_SECONDS = 50.0
VISIT_SECONDS = 180.0  # after which a visit hangs
GROWTH = 1.05  # of memory, since the warm-up
EMPTY_SECONDS = 60.0  # in which the sessions of those who vanished end


@dataclass(frozen=True)
class Held:
    """What the server holds while the one session is left: of the front, and of the worker that lives on."""

    minute: float
    memory: tuple[int, int]  # bytes
    files: tuple[int, int]
    threads: tuple[int, int]
    processes: int

    def __str__(self):
        front, worker = (size / 1e6 for size in self.memory)
        return (
            f"minute {self.minute:4.1f}: front {front:.1f} MB, worker {worker:.1f} MB, "
            f"files {self.files}, threads {self.threads}, {self.processes} processes"
        )


class Town:
    """All visitors of one server, and what has happened to them."""

    def __init__(self, live, seconds):
        self.live, self.seconds = live, seconds
        self.chance = random.Random(SEED)
        self.seen, self.faults, self.held = Counter(), [], []
        self.open = asyncio.Event()  # while visitors may come
        self.visiting = 0
        self.over = False

    async def live_on(self):
        async with self.staying() as (stayer, session):
            self.open.set()
            visitors = [asyncio.ensure_future(self.come_and_go(number)) for number in range(VISITORS)]
            killing = asyncio.ensure_future(self.kill(session))
            began = time.monotonic()
            try:
                for part in PAUSES:
                    await asyncio.sleep(max(0.0, began + part * self.seconds - time.monotonic()))
                    self.held.append(await self.pause(session, (time.monotonic() - began) / 60))
                    print(self.held[-1], flush=True)
            finally:
                self.over = True
                self.open.set()
                killing.cancel()
                await asyncio.gather(killing, *visitors, return_exceptions=True)
        return stayer.packets

    @contextlib.asynccontextmanager
    async def staying(self):
        """The visitor that stays, speaks now and then, and misses nothing."""
        session = await self.begun()

        async def speak(wire):
            while True:
                await wire.send(tone(2))
                await wire.ask(type="flush")
                await asyncio.sleep(5)

        async with (
            Wire(session) as wire,
            Watcher(
                self.live, session["links"], picture=self.count("pictures"), sound=self.count("sounds")
            ) as stayer,
        ):
            speaking = asyncio.ensure_future(speak(wire))
            yield stayer, session
            assert not speaking.done(), speaking.exception()
            speaking.cancel()

    def count(self, name):
        def seen(frame):
            self.seen[name] += 1

        return seen

    async def begun(self):
        async with client_of(self.live) as client:
            made = await client.post("/v1/sessions")
        if made.status_code in (429, 503):
            raise Gone(made.text)
        assert made.status_code == 201, made.text
        self.seen["sessions"] += 1
        described = made.json()
        return {**described, "socket": self.live.url.replace("http", "ws") + described["links"]["ws"]}

    async def come_and_go(self, number):
        chance = random.Random(SEED + number)
        while not self.over:
            await self.open.wait()
            self.visiting += 1
            try:
                async with asyncio.timeout(VISIT_SECONDS):
                    await self.visit(chance)
            except Gone:
                await asyncio.sleep(1)
            except Exception:
                self.faults.append(traceback.format_exc())
            finally:
                self.visiting -= 1

    async def visit(self, chance):
        session = await self.begun()
        for again in range(chance.randint(1, 3)):
            if again:
                self.seen["reloads"] += 1
                await asyncio.sleep(chance.uniform(0.2, 3))
                await self.found(session)
            try:
                await self.stay(session, chance)
            except Gone:
                self.seen["lost processes"] += 1
        if chance.random() < 0.6:
            async with client_of(self.live) as client:
                await client.delete(f"/v1/sessions/{session['id']}")
        else:
            self.seen["left behind"] += 1

    async def found(self, session):
        """The session is there for who comes back, once it is where it is to go on."""
        async with asyncio.timeout(10), client_of(self.live) as client:
            while True:
                shown = await client.get(f"/v1/sessions/{session['id']}")
                if shown.status_code == 200:
                    return
                if shown.status_code == 404 and self.seen["kills"]:
                    raise Gone("it was in too many processes that were killed")
                assert shown.status_code == 503, shown.text
                await asyncio.sleep(0.2)

    async def stay(self, session, chance):
        wire = Wire(session)
        async with wire:
            picture = self.count("others' pictures") if chance.random() < 0.3 else None
            whep = chance.random() < 0.3
            watcher = Watcher(
                self.live, session["links"], picture=picture, sound=lambda frame: None, whep=whep
            )
            async with watcher:
                for _ in range(chance.randint(1, 6)):
                    if not self.over:
                        await self.act(wire, chance)
                if chance.random() < 0.3:
                    self.seen["vanished"] += 1
                    await wire.vanish()
                    await watcher.leave(goodbye=False)

    async def act(self, wire, chance):
        kind = chance.choice(["burst", "stall", "interrupt", "interrupt", "gesture", "feel", "control"])
        self.seen[kind] += 1
        if kind == "burst":
            await wire.send(tone(chance.uniform(1, 20)))
            await wire.ask(type="flush")
        elif kind == "stall":
            for _ in range(3):
                await wire.send(tone(0.3))
                await asyncio.sleep(chance.uniform(0.3, 1.5))
        elif kind == "interrupt":
            await wire.ask(type="interrupt")
        elif kind == "gesture":
            await wire.ask(type="gesture", name="nod")
        elif kind == "feel":
            await wire.ask(type="feel", emotion=chance.choice(["happy", "sad", "default"]))
        else:
            await wire.ask(type="control", controls={"smile": chance.choice([0.5, None])})
        await asyncio.sleep(chance.uniform(0, 2))

    async def kill(self, stayer):
        """A worker now and then, but not the one whose sound and pictures are to be complete."""
        while True:
            await asyncio.sleep(KILL_SECONDS)
            kept = await asyncio.to_thread(self.live.process_of, stayer)
            for worker in self.live.workers():
                if self.open.is_set() and worker.pid != kept:
                    worker.kill()
                    self.seen["kills"] += 1

    async def pause(self, stayer, minute):
        self.open.clear()
        async with asyncio.timeout(VISIT_SECONDS + EMPTY_SECONDS):
            while self.visiting:
                await asyncio.sleep(0.2)
        async with asyncio.timeout(EMPTY_SECONDS):
            while [one["id"] for one in (await self.listed())["sessions"]] != [stayer["id"]]:
                await asyncio.sleep(0.5)
            while len(self.live.workers()) != 2:
                await asyncio.sleep(0.5)
        await asyncio.sleep(6)  # idle connections are closed after five seconds
        front = psutil.Process(self.live.process.pid)
        worker = psutil.Process(await asyncio.to_thread(self.live.process_of, stayer))
        both = (front, worker)
        held = Held(
            minute,
            tuple(one.memory_info().rss for one in both),
            tuple(one.num_fds() for one in both),
            tuple(one.num_threads() for one in both),
            1 + len(self.live.workers()),
        )
        self.open.set()
        return held

    async def listed(self):
        async with client_of(self.live) as client:
            return (await client.get("/v1/sessions")).json()


@pytest.fixture
def portrait(tmp_path):
    file = tmp_path / "portrait.png"
    image = cv2.resize(cv2.imread(str(EXAMPLES / "drawn_woman.jpg")), (SIDE, SIDE))
    assert cv2.imwrite(str(file), image)
    return file


def judged(town, packets, lines):
    print(dict(town.seen))
    print({kind: (one.count, one.lost) for kind, one in packets.items()})
    assert town.faults == []
    for kind in ("reloads", "interrupt", "burst", "vanished"):
        assert town.seen[kind], f"there was no {kind}"
    for kind, one in packets.items():
        assert one.count and one.lost == 0, f"{one.lost} packets of {kind} are missing of {one.count}"
    first, last = town.held[0], town.held[-1]
    assert sum(last.memory) <= GROWTH * sum(first.memory)
    assert last.processes == first.processes
    assert sum(last.files) <= sum(first.files)
    assert sum(last.threads) <= sum(first.threads)
    assert (
        len([line for line in lines if "another takes its place" in line]) == len(lines) == town.seen["kills"]
    )


def lived(seconds, *arguments):
    """A town that has lived so long, what its stayer received, and the server's log."""
    print(f"\nseed {SEED}")
    with command(*arguments) as live:

        async def living():
            town = Town(live, seconds)
            return town, await town.live_on()

        town, packets = asyncio.run(living())
        live.process.terminate()
        return town, packets, live.process.stderr.read().splitlines()[:-1]


@pytest.mark.soak
@pytest.mark.timeout(SECONDS + 4 * (VISIT_SECONDS + 2 * EMPTY_SECONDS))
def test_an_hour_of_visitors_leaves_nothing_behind(portrait):
    judged(*lived(SECONDS, str(portrait)))
