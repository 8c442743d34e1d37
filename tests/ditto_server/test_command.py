"""`ditto live` as it is called."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from cfg.errors import ConfigError
from ditto_server.live.access import Access
from ditto_server.live.ice import IceSettings
from ditto_server.live.problems import Problem
from stream_pipeline.commands import main as ditto

ROOT = Path(__file__).parents[2]


def refused(capsys, *arguments):
    """The one line with which a command is refused."""
    assert ditto(["live", "--mock", *arguments]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def test_it_prints_an_address_answers_there_and_stops_at_ctrl_c(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "ditto", "live", "--mock", "--port", str(port)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            line = running.stdout.readline().strip()
            assert line == f"open http://127.0.0.1:{port}/", line or running.stderr.read()
            made = httpx.post(f"http://127.0.0.1:{port}/v1/sessions", trust_env=False)
            assert made.status_code == 201
        finally:
            running.send_signal(signal.SIGINT)
            _, said = running.communicate(timeout=20)
    assert said == "stopped\n"
    assert running.returncode == 130


def test_it_is_listed_among_the_commands(capsys):
    with pytest.raises(SystemExit):
        ditto(["-h"])
    assert re.search(r"^ +live +an always-on face in a browser$", capsys.readouterr().out, re.M)


def test_a_busy_port_is_said_in_one_line(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} of 127.0.0.1 is in use" in refused(capsys, "--port", str(port))


def test_another_address_needs_a_key_and_one_is_proposed(capsys, monkeypatch):
    monkeypatch.delenv("DITTO_LIVE_KEY", raising=False)
    line = refused(capsys, "--host", "0.0.0.0")
    assert re.search(r"visitors need a key: set DITTO_LIVE_KEY=\S{16,} ", line)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--key", "short"], "needs at least 12"),
        (["--certfile", "cert.pem"], "--certfile and --keyfile belong together"),
        (["--certfile", "none.pem", "--keyfile", "none.pem"], "none.pem: no such file"),
        (["--max-sessions", "many"], "--max-sessions is 'many', but must be a number, or 'auto'"),
        (["--workers", "many"], "--workers is 'many', but must be a number, or 'auto'"),
        (["--max-sessions", "0"], "must be at least 1"),
        (["--barge-in", "-1"], "--barge-in is -1, but must be from 0 to 5 seconds"),
        (["--port", "99999"], "must be from 0 to 65535"),
        (["--allow-origin", "example.org"], "is not an origin, such as https://example.org"),
        (["--allow-origin", "https://Example.org:443"], "as https://example.org; give it so"),
        (["--ice-server", "example.org"], "is not the address of a STUN or TURN server"),
        (["--ice-server", "turn:example.org"], "DITTO_TURN_SECRET"),
        (["none.jpg"], "none.jpg: no such"),
        (["README.md"], "README.md"),
        ([str(ROOT / "examples/drawn_man.jpg")] * 2, "would both be called 'drawn-man'"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(capsys, monkeypatch, arguments, said):
    monkeypatch.delenv("DITTO_TURN_SECRET", raising=False)
    assert said in refused(capsys, *arguments)


def test_a_certificate_that_is_none_is_said_in_one_line(capsys, tmp_path):
    file = tmp_path / "cert.pem"
    file.write_text("no certificate")
    assert "no certificate with its key" in refused(
        capsys, "--port", "0", "--certfile", str(file), "--keyfile", str(file)
    )


def test_the_missing_extra_is_said_with_the_command_that_brings_it(tmp_path):
    """In a Python that cannot see the packages."""
    hidden = tmp_path / "sitecustomize.py"
    hidden.write_text(
        "import importlib.util as u\nfound = u.find_spec\n"
        "u.find_spec = lambda name, package=None: None if name == 'aiortc' else found(name, package)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "ditto", "live", "--mock"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("ditto live needs aiortc: ") and "pip install" in line and "live" in line


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.5.5.5"])
def test_this_machine_needs_no_key(host):
    assert Access(host=host).key is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_whatever_others_reach_needs_one(host):
    with pytest.raises(ConfigError, match="visitors need a key"):
        Access(host=host)


def test_who_is_reached_through_a_proxy_needs_one_too():
    with pytest.raises(ConfigError, match=r"face\.example reaches this server"):
        Access(hosts=("localhost", "face.example"))


@pytest.mark.parametrize(
    ("access", "host"),
    [
        (Access(), "localhost:8765"),
        (Access(), "127.0.0.1:8765"),
        (Access(), "[::1]:8765"),
        (Access(hosts=("face.example",), key="a-key-of-letters"), "Face.Example"),
        (Access(host="0.0.0.0", key="a-key-of-letters"), "192.168.1.5:8765"),
    ],
)
def test_the_server_answers_to_its_own_names(access, host):
    access.check_host(host)


@pytest.mark.parametrize(
    ("access", "host"),
    [
        (Access(), "evil.example:8765"),
        (Access(), "127.0.0.1.evil.example"),
        (Access(), "192.168.1.5"),
        (Access(), None),
        (Access(host="0.0.0.0", key="a-key-of-letters"), "evil.example"),
    ],
)
def test_and_to_no_other(access, host):
    with pytest.raises(Problem, match="not called"):
        access.check_host(host)


def test_turn_passwords_are_of_one_session_and_end():
    settings = IceSettings(urls=("stun:a.example", "turn:b.example"), turn_secret="secret")
    stun, turn = settings.servers("one", now=1000.0)
    assert stun.as_json() == {"urls": "stun:a.example"}
    assert turn.username is not None and turn.username.startswith("4600:") and "one" not in turn.username
    assert turn.credential != settings.servers("other", now=1000.0)[1].credential
    assert "secret" not in str(turn.as_json())
