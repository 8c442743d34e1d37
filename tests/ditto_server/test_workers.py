"""`ditto live --workers`: sessions in processes of their own behind one address, as visitors meet them."""

import asyncio
import contextlib
import gc
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from ditto_server.live.crew import MAX_DEATHS, SKIPPED_NUMBERS, workers_of
from ditto_server.live.ice import IceSettings
from ditto_server.live.limits import Limits
from ditto_server.live.session import Record
from ditto_server.live.sessions import Sessions
from tests.ditto_server.conftest import command, wait_until
from tests.ditto_server.test_movie import decoded, read, reading
from tests.ditto_server.test_socket import ask, named, opened, tone, until
from tests.ditto_server.test_webrtc import Viewer
from tests.ditto_server.test_whip import humming

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pair():
    """A server that no test takes a worker from."""
    with command("--mock", "examples/drawn_woman.jpg", "examples/drawn_man.jpg") as live:
        yield live


def ended(live, session):
    with live.client() as client:
        assert client.delete(f"/v1/sessions/{session['id']}").status_code == 204


def test_sessions_are_spread_and_their_names_do_not_tell_where(pair):
    sessions = [pair.session() for _ in range(4)]
    processes = [pair.process_of(session) for session in sessions]
    assert sorted(processes.count(one.pid) for one in pair.workers()) == [2, 2]
    assert len({len(session["id"]) for session in sessions}) == 1
    for session in sessions:
        ended(pair, session)
        assert pair.shown(session).status_code == 404
    assert pair.listed()["sessions"] == []


def test_a_microphone_comes_and_mp4_goes_through_the_front(pair):
    async def watched():
        session = pair.session()
        async with reading(pair, session) as socket:
            messages = await read(socket, lambda got: len(got) > 5)
            async with (
                humming(pair, session) as (client, at, _),
                client.stream("GET", session["links"]["events"]) as told,
            ):
                async for line in told.aiter_lines():
                    if "started" in line:
                        break
                code = (await client.delete(at)).status_code
        ended(pair, session)
        return len(decoded(messages)[0]) > 2, code

    assert asyncio.run(asyncio.wait_for(watched(), 30)) == (True, 200)


def test_all_that_one_process_answers_is_answered_through_the_front(pair):
    with pair.client() as client:
        told = client.get("/v1/avatars").json()
        assert [one["name"] for one in told["avatars"]] == ["drawn-woman", "drawn-man"]
        assert client.get(told["avatars"][1]["picture"]).content[:2] == b"\xff\xd8"
        assert client.post("/v1/sessions", json={"avatar": "nobody"}).status_code == 422
        session = client.post("/v1/sessions", json={"avatar": "drawn-man"}).json()
        assert pair.shown(session).json()["avatar"] == "drawn-man"
        at = session["links"]["commands"]
        assert client.post(at, json={"type": "gesture", "name": "nod"}).json()["done"] == "gesture"
        assert client.post(at, content=b"{").status_code == 400
        assert client.post(at, content=b"x" * 70_000).status_code == 413
        chunks = (b"x" * 10_000 for _ in range(7))
        assert client.post(at, content=chunks).status_code == 413
        assert client.patch(at).status_code == 405
        assert client.get("/v1/sessions/none").status_code == 404
        assert client.get(f"{at}/more").status_code == 404
        assert client.get("/open").status_code == client.get("/report").status_code == 404
        answer = client.get(at, headers={"Host": "evil.example"})
        assert answer.status_code == 421 and "content-security-policy" not in answer.headers
        assert "content-security-policy" in client.get(f"/v1/sessions/{session['id']}").headers
    ended(pair, session)


def test_a_websocket_speaks_and_tells_and_is_closed_with_its_session(pair):
    session = pair.session()
    with opened(session) as socket:
        assert ask(socket, type="say", text="Hi", id="a")["id"] == "a"
        until(socket, named("finished"))
        socket.send(tone(0.2))
        ask(socket, type="flush")
        assert until(socket, named("finished"))[-1]["seconds"] == pytest.approx(0.2, abs=0.05)
        ended(pair, session)
        with pytest.raises(ConnectionClosed) as closed:
            until(socket, lambda said: False)
    assert closed.value.rcvd.code == 4000


def test_events_are_told_as_they_come_and_who_has_gone_is_noticed(pair):
    session = pair.session()
    with pair.client() as client:
        with client.stream("GET", session["links"]["events"]) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            client.post(session["links"]["commands"], json={"type": "say", "text": "Hi"})
            lines = stream.iter_lines()
            assert next(json.loads(line[6:])["type"] for line in lines if line.startswith("data: "))
            assert pair.shown(session).json()["figures"]["connections"] == 1
        wait_until(lambda: pair.shown(session).json()["figures"]["connections"] == 0)
    ended(pair, session)


def test_the_list_has_the_figures_of_each_session_and_worker(pair):
    session = pair.session()
    with opened(session):
        wait_until(lambda: pair.listed()["sessions"][0]["figures"].get("connections") == 1)
        told = pair.listed()
    (one,) = told["sessions"]
    assert one["id"] == session["id"] and one["avatar"] == "drawn-woman" and one["figures"]["frames"] > 0
    assert {worker["process"] for worker in told["workers"]} == {child.pid for child in pair.workers()}
    assert sorted(worker["sessions"] for worker in told["workers"]) == [0, 1]
    assert all(w["memory_bytes"] > 20 << 20 and w["restarts"] == 0 for w in told["workers"])
    ended(pair, session)


def test_one_session_too_many_is_refused_whatever_worker_has_room(pair):
    sessions = [pair.session() for _ in range(8)]
    with pair.client() as client:
        refused = client.post("/v1/sessions")
        assert refused.status_code == 503 and refused.headers["retry-after"]
        assert "8 sessions are open" in refused.json()["detail"]
        admission = pair.listed()["admission"]
        assert admission["max_sessions"] == 8 and admission["refused"] == 1
        assert "8 sessions are open" in admission["last_refusal"]
        for session in sessions:
            ended(pair, session)
        assert client.post("/v1/sessions").status_code == 201
    ended(pair, pair.listed()["sessions"][0])


def came_back(live, session, limit=3.0):
    """Seconds after which a session is answered for again, under the same name."""
    began = time.monotonic()
    while True:
        answer = live.shown(session)
        if answer.status_code == 200:
            return time.monotonic() - began
        assert answer.status_code == 503, answer.text
        assert time.monotonic() - began < limit, "the session did not come back"
        time.sleep(0.02)


def test_a_killed_worker_is_replaced_and_only_its_own_visitors_notice():
    async def watched(live):
        mine, other = live.session(), live.session(avatar="drawn-man")
        process = live.process_of(mine)
        assert process != live.process_of(other)
        with opened(mine) as wire:
            ask(wire, type="feel", emotion="happy")
            ask(wire, type="control", controls={"smile": 0.4})
            ask(wire, type="mode", microphone="to")
            ask(wire, type="say", text="Hi")
            last = until(wire, named("started"))[-1]["number"]
            async with Viewer(live, mine) as viewer, Viewer(live, other) as neighbour:
                await viewer.until(lambda: len(viewer.pictures) > 10)
                await neighbour.until(lambda: len(neighbour.pictures) > 10)
                await asyncio.sleep(1)  # reports come twice a second
                pictures, sounds = len(neighbour.pictures), len(neighbour.sounds)
                os.kill(process, signal.SIGKILL)
                assert await asyncio.to_thread(came_back, live, mine) < 3
                with pytest.raises(ConnectionClosed) as closed:
                    until(wire, lambda said: False)
                assert closed.value.rcvd.code == 1012
                await neighbour.until(lambda: len(neighbour.pictures) > pictures + 75)
                steps = (
                    set(np.diff([pts for pts, _ in neighbour.pictures[pictures:]])),
                    set(np.diff([pts for pts, _ in neighbour.sounds[sounds:]])),
                )
            async with Viewer(live, mine) as viewer:
                await viewer.until(lambda: len(viewer.pictures) > 10)
        assert live.process_of(mine) not in (None, process)
        assert live.process_of(other) is not None
        with opened(mine, after=last) as wire:
            restored = until(wire, named("restored"))[-1]
            assert restored["number"] > last + SKIPPED_NUMBERS - 1
        return mine, steps

    with command("--mock", "examples/drawn_woman.jpg", "examples/drawn_man.jpg") as live:
        mine, steps = asyncio.run(watched(live))
        assert steps == ({3600}, {960})
        assert live.shown(mine).json()["avatar"] == "drawn-woman"
        wait_until(lambda: len(live.listed()["workers"]) == 2, 20)
        assert sorted(worker["restarts"] for worker in live.listed()["workers"]) == [0, 1]


def test_a_session_that_goes_on_elsewhere_is_what_it_was(mocks):
    standing = [
        {"type": "feel", "emotion": ["happy", "surprise"], "intensity": 0.5},
        {"type": "control", "controls": {"smile": 0.4}},
        {"type": "mode", "microphone": "to"},
    ]

    async def moved():
        here, there = (Sessions(mocks, Limits(), None, IceSettings()) for _ in range(2))
        async with here, there:
            first = await here.open(Record(id="one", avatar="drawn-man"))
            for told in (*standing, {"type": "control", "controls": {"brows": 1}}):
                await first.obey(told)
            await first.obey({"type": "control", "controls": {"brows": None}})
            second = await there.open(replace(first.record, number=10, age_seconds=90, idle_seconds=60))
            return second.record, await second.events.listen(after=0).get()

    record, event = asyncio.run(moved())
    assert (record.id, record.avatar, record.standing) == ("one", "drawn-man", standing)
    assert (int(record.age_seconds), int(record.idle_seconds)) == (90, 60)
    assert event == {"number": 11, "type": "restored"}


def test_a_session_that_has_ended_is_not_kept_in_memory(mocks):
    async def lived():
        async with Sessions(mocks, Limits(keep_seconds=0.2), None, IceSettings()) as sessions:
            session = await sessions.create(None)
            gone = weakref.ref(session.face)
            sessions.end(session, "it is over")
            del session
            async with asyncio.timeout(5):
                while gone() is not None:
                    await asyncio.sleep(0.02)

    gc.disable()
    try:
        asyncio.run(lived())
    finally:
        gc.enable()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_process_and_no_file_is_left_however_the_server_ends(how, tmp_path):
    with command("--mock", env={"TMPDIR": str(tmp_path)}) as live:
        with opened(live.session()), opened(live.session()):
            workers = live.workers()
            assert len(workers) == 2 and list(tmp_path.iterdir())
            live.process.send_signal(how)
            began = time.monotonic()
            live.process.wait(10)
            _, alive = psutil.wait_procs(workers, timeout=10)
        assert alive == []
        assert time.monotonic() - began < 8
        assert list(tmp_path.iterdir()) == []
        if how != signal.SIGKILL:
            assert live.process.returncode == 130
            assert live.process.stderr.read() == "stopped\n"


def test_a_server_that_is_stopped_before_it_is_up_leaves_nothing(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-m", "ditto", "live", "--mock", "--port", "0", "--workers", "2"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as process:
        wait_until(lambda: len(psutil.Process(process.pid).children()) == 2, 20)
        workers = psutil.Process(process.pid).children()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 130
        assert process.stderr.read() == "stopped\n"
    assert psutil.wait_procs(workers, timeout=5)[1] == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.full
def test_a_worker_that_hangs_is_replaced_too():
    with command("--mock") as live:
        session = live.session()
        process = live.process_of(session)
        os.kill(process, signal.SIGSTOP)
        wait_until(lambda: live.process_of(session) not in (None, process), 25)
        assert live.shown(session).status_code == 200


def test_workers_that_die_again_and_again_are_given_up_in_one_line_and_the_server_with_the_last():
    with command("--mock") as live:
        killed = set()
        end = time.monotonic() + 60
        while live.process.poll() is None:
            assert time.monotonic() < end, "it goes on and on"
            for one in live.workers():
                killed.add(one.pid)
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
            time.sleep(0.05)
        lines = live.process.stderr.read().splitlines()
    assert live.process.returncode == 1
    assert len(killed) == 2 * MAX_DEATHS
    assert len([line for line in lines if "is not started again" in line]) == 2
    assert re.fullmatch(r"all worker processes have ended, the last one .*SIGKILL.*", lines[-1])


def test_a_worker_that_cannot_begin_says_why_in_the_one_line_of_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "ditto", "live", "--mock", "--port", "0", "--workers", "2", "none.jpg"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("none.jpg: no such")


@pytest.mark.parametrize(
    ("asked", "sessions", "count"), [(0, None, 0), (1, None, 0), (3, None, 3), (None, 2, 0)]
)
def test_one_worker_is_as_good_as_none(asked, sessions, count):
    assert workers_of(asked, sessions) == count


@pytest.mark.full
def test_a_face_is_seen_again_in_the_pose_in_which_it_was_seen_last():
    """Held to all pictures of the last second, as reports of the pose come twice a second; the best of three
    deaths, as a busy machine leaves out first pictures."""

    async def watched(live, session, count, kills=None):
        async with Viewer(live, session) as viewer:
            await viewer.until(lambda: len(viewer.pictures) > count, 30)
            if kills is not None:
                os.kill(kills, signal.SIGKILL)
                await asyncio.sleep(0.5)  # pictures that are on their way
            return [image.astype(np.int16) for _, image in viewer.pictures]

    def off(first, pictures):
        return min(np.abs(first - picture).mean() for picture in pictures)

    with command(workers=2) as live:
        anew = asyncio.run(watched(live, live.session(), 5))
        session = live.session()
        for _ in range(3):
            seen = asyncio.run(watched(live, session, 110, live.process_of(session)))
            assert came_back(live, session) < 3
            again = asyncio.run(watched(live, session, 5))
            step = np.percentile([off(one, [after]) for one, after in itertools.pairwise(seen)], 99)
            jump, other = off(again[0], seen[-25:]), off(anew[0], seen[-25:])
            print(f"{jump:.2f}; steps between pictures {step:.2f}; {other:.2f} from the beginning")
            if jump < step < other:
                return
    raise AssertionError("it is seen again in another pose")


@pytest.mark.full
def test_faces_of_the_engine_go_on_in_another_process():
    with command(workers=2) as live:
        session = live.session()
        process = live.process_of(session)
        with opened(session) as wire:
            wire.send(tone(1))
            until(wire, named("started"), 20)
            os.kill(process, signal.SIGKILL)
            assert came_back(live, session) < 3
        with opened(session) as wire:
            wire.send(tone(0.2))
            ask(wire, type="flush")
            assert until(wire, named("finished"), 20)[-1]["seconds"] == pytest.approx(0.2, abs=0.05)
