"""A real server on loopback, with faces that need no networks."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest

pytest.importorskip("aiortc", reason="aiortc needs Python 3.11 or newer")

from ditto_server.live.app import live_app
from ditto_server.live.faces import MockFaces
from ditto_server.live.limits import Limits
from ditto_server.live.serving import Place, listening, server
from ditto_server.live.webrtc import AiortcPeer

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
PORTRAITS = [EXAMPLES / "drawn_woman.jpg", EXAMPLES / "drawn_man.jpg"]


class Watched:
    """A source that keeps the faces it made, to see that each is closed."""

    def __init__(self, source):
        self._source = source
        self.portraits, self.speaks = source.portraits, source.speaks
        self.faces = []

    def face(self, portrait, pose=None):
        self.faces.append(self._source.face(portrait, pose))
        return self.faces[-1]

    def close(self):
        self._source.close()


@pytest.fixture(scope="session")
def mocks():
    return MockFaces(PORTRAITS)


@pytest.fixture
def source(mocks):
    return Watched(mocks)


class Live:
    """A server that is up."""

    def __init__(self, port, source):
        self.port, self.source = port, source
        self.url = f"http://127.0.0.1:{port}"

    def client(self, **more):
        return httpx.Client(base_url=self.url, timeout=20, trust_env=False, **more)

    def session(self, **body):
        """A new session as it is described, with the whole address of its WebSocket."""
        with self.client() as client:
            made = client.post("/v1/sessions", json=body)
        assert made.status_code == 201, made.text
        described = made.json()
        return {**described, "socket": f"ws://127.0.0.1:{self.port}{described['links']['ws']}"}


def ours():
    """Threads of faces, feeds and openers."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("ditto")}


@contextlib.contextmanager
def running(source, limits=None, **more):
    """The application behind uvicorn in a thread; leaving it stops the server and all it began."""
    limits = limits or Limits(max_sessions=8)
    before = ours()
    with listening(Place(port=0)) as bound:
        port = bound.getsockname()[1]
        app = live_app(source, limits=limits, **{"make_peer": AiortcPeer, **more})
        up = threading.Event()
        served = server(app, Place(port=port), limits, up.set)
        thread = threading.Thread(target=served.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            assert up.wait(20), "the server did not start"
            yield Live(port, source)
        finally:
            served.should_exit = True
            thread.join(20)
            assert not thread.is_alive()
    assert [thread.name for thread in ours() - before] == []
    assert all(not face._thread.is_alive() for face in source.faces)


@pytest.fixture
def live(source):
    with running(source) as served:
        yield served


def wait_until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


class Command(Live):
    """`ditto live` as a process, with its workers."""

    def __init__(self, port, process):
        super().__init__(port, None)
        self.process = process

    def workers(self):
        with contextlib.suppress(psutil.NoSuchProcess):
            return [
                child
                for child in psutil.Process(self.process.pid).children()
                if child.status() != psutil.STATUS_ZOMBIE
            ]
        return []

    def listed(self):
        with self.client() as client:
            return client.get("/v1/sessions").json()

    def process_of(self, session):
        """The process id of the worker that a session is in; None while it is in none."""
        told = self.listed()
        number = next(one["worker"] for one in told["sessions"] if one["id"] == session["id"])
        return next((one["process"] for one in told["workers"] if one["worker"] == number), None)

    def shown(self, session):
        with self.client() as client:
            return client.get(f"/v1/sessions/{session['id']}")


@contextlib.contextmanager
def command(*arguments, workers=2, max_sessions=8, env=None):
    """The server, up; what is left of it is killed at the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    line = [sys.executable, "-m", "ditto", "live", "--port", str(port), "--max-sessions", str(max_sessions)]
    with subprocess.Popen(
        [*line, "--workers", str(workers), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(env or {})},
    ) as process:
        live = Command(port, process)
        left = []
        try:
            said = process.stdout.readline()
            assert said.startswith("open "), said or process.stderr.read()
            yield live
            left = live.workers()
        finally:
            left = left or live.workers()
            process.kill()
            process.communicate(timeout=20)
            psutil.wait_procs(left, timeout=10)
            for one in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
