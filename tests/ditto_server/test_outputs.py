"""Recordings, broadcasts and cameras of sessions, beside their viewers."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time

import numpy as np
import psutil
import pytest

from cfg.errors import ConfigError
from ditto_server.live.access import Access
from ditto_server.live.outputs import OutputSettings
from tests.ditto_server.conftest import command, running, wait_until
from tests.ditto_server.test_socket import ask, named, opened, until
from tests.ditto_server.test_webrtc import Viewer
from tests.stream_pipeline.live.test_outputs import Device, read

KEY, ADMIN = "a-key-of-visitors", "a-key-of-operators"
OPERATOR = {"Authorization": f"Bearer {ADMIN}"}


def outputs(live, session):
    with live.client() as client:
        return client.get(f"/v1/sessions/{session['id']}").json()["figures"]["outputs"]


def ended(live, session):
    with live.client() as client:
        assert client.delete(f"/v1/sessions/{session['id']}").status_code == 204


def complete(file, seconds):
    """Waits until a recording has so much sound."""
    heard = 0.0
    end = time.monotonic() + 10
    while heard < seconds:
        assert time.monotonic() < end, f"only {heard} s are in {file}"
        with contextlib.suppress(OSError, ValueError):
            heard = read(str(file))[1]


def test_each_session_is_recorded_into_a_file_whose_name_gives_nobody_a_way_in(source, tmp_path):
    with running(source, outputs=OutputSettings(record=str(tmp_path / "talks"))) as live:
        sessions = [live.session(avatar=name) for name in ("drawn-woman", "drawn-man", "drawn-man")]
        files = sorted((tmp_path / "talks").iterdir())
        assert len(files) == 3 and "drawn-woman" in " ".join(file.name for file in files)
        for session in sessions:
            (one,) = outputs(live, session)
            assert one["kind"] == "recording" and one["problem"] is None
            assert one["file"] in [file.name for file in files] and session["id"] not in one["file"]
        with opened(sessions[0]) as wire:
            ask(wire, type="say", text="Good day to you")
            until(wire, named("finished"))
        for session in sessions:
            ended(live, session)
    for file in files:
        times, sound, size = read(str(file))
        assert size == source.faces[0].size and len(times) > 15 and sound > 0.6
        assert file.stat().st_mode & 0o077 == 0


@pytest.mark.full
def test_a_recording_survives_a_server_that_is_killed(tmp_path):
    with command("--mock", "--record", str(tmp_path), workers=2) as live:
        process = live.process_of(live.session())
        (file,) = tmp_path.iterdir()
        complete(file, 1.5)
        os.kill(process, signal.SIGKILL)
        os.kill(live.process.pid, signal.SIGKILL)
    times, sound, _ = read(str(file))
    assert len(times) > 30 and sound >= 1.5


@pytest.mark.full
def test_a_session_that_goes_on_in_another_process_is_recorded_on_in_another_file(tmp_path):
    with command("--mock", "--record", str(tmp_path / "talk.mp4"), max_sessions=1, workers=2) as live:
        session = live.session()
        complete(tmp_path / "talk.mp4", 0.5)
        os.kill(live.process_of(session), signal.SIGKILL)
        wait_until(lambda: (tmp_path / "talk-2.mp4").exists(), 10)
        complete(tmp_path / "talk-2.mp4", 0.5)


@pytest.mark.full
def test_a_recording_that_was_stopped_stays_so_when_its_worker_dies(tmp_path):
    with command("--mock", "--record", str(tmp_path)) as live, live.client() as client:
        session = live.session()
        process = live.process_of(session)
        assert client.delete(f"/v1/sessions/{session['id']}/record").status_code == 200
        os.kill(process, signal.SIGKILL)  # before it has reported that
        wait_until(lambda: live.process_of(session) not in (None, process), 20)
        assert live.shown(session).json()["recorded"] is False
        assert len(list(tmp_path.iterdir())) == 1 and outputs(live, session) == []


def test_an_operator_stops_a_recording_and_begins_another_and_all_are_told(source, tmp_path):
    access = Access(key=KEY, admin_key=ADMIN)
    with running(source, access=access, outputs=OutputSettings(record=str(tmp_path / "a.mp4"))) as live:
        with live.client(headers=OPERATOR) as client:
            described = client.post("/v1/sessions").json()
            assert described["recorded"] is True
            at = f"/v1/sessions/{described['id']}"
            for headers in ({"Authorization": ""}, {"Authorization": f"Bearer {KEY}"}):
                assert client.delete(f"{at}/record", headers=headers).status_code == 401
                assert client.post(f"{at}/record", headers=headers).status_code == 401
            twice = client.post(f"{at}/record")
            assert twice.status_code == 409 and "already, in a.mp4" in twice.json()["detail"]
            wire = {"socket": f"ws://127.0.0.1:{live.port}{described['links']['ws']}"}
            with opened(wire) as told:
                assert client.delete(f"{at}/record").json() == {"name": "a.mp4"}
                assert until(told, named("recording"))[-1]["on"] is False
                assert client.delete(f"{at}/record").status_code == 409
                assert client.get(at).json()["recorded"] is False
                again = client.post(f"{at}/record")
                assert again.status_code == 201 and again.json() == {"name": "a-2.mp4"}
                assert until(told, named("recording"))[-1]["on"] is True
            assert client.post("/v1/sessions/nobody/record").status_code == 404
        read(str(tmp_path / "a.mp4"))


def test_recordings_are_asked_for_through_the_front_too(tmp_path):
    with command("--mock", "--record", str(tmp_path)) as live, live.client() as client:
        at = f"/v1/sessions/{live.session()['id']}/record"
        (file,) = tmp_path.iterdir()
        assert client.delete(at).json() == {"name": file.name}
        assert client.delete(at).status_code == 409
        assert client.post(at).status_code == 201
        assert len(list(tmp_path.iterdir())) == 2
        assert client.post("/v1/sessions/nobody/record").status_code == 404


@pytest.mark.skipif(
    sys.platform != "linux", reason="of another process the size of files is limited on Linux"
)
def test_a_recording_whose_last_piece_cannot_be_written_is_no_success(tmp_path):
    with command("--mock", "--record", str(tmp_path), workers=0) as live, live.client() as client:
        session = live.session()
        at = f"/v1/sessions/{session['id']}/record"
        psutil.Process(live.process.pid).rlimit(psutil.RLIMIT_FSIZE, (0, 0))
        with opened(session) as told:
            refused = client.delete(at)
            assert refused.status_code == 503 and "the server's log says why" in refused.json()["detail"]
            assert until(told, named("recording"))[-1]["on"] is False
        assert client.delete(at).status_code == 409


@pytest.mark.skipif(
    sys.platform != "linux", reason="of another process the size of files is limited on Linux"
)
def test_visitors_are_told_that_a_recording_has_ended_by_itself(tmp_path):
    with command("--mock", "--record", str(tmp_path), workers=0) as live:
        session = live.session()
        with opened(session) as told:
            psutil.Process(live.process.pid).rlimit(psutil.RLIMIT_FSIZE, (0, 0))
            assert until(told, named("recording"))[-1]["on"] is False
        assert outputs(live, session)[0]["problem"].startswith("the recording of a session has ended")


def test_a_server_that_records_nothing_says_so(live):
    session = live.session()
    with live.client() as client:
        refused = client.post(f"/v1/sessions/{session['id']}/record")
    assert refused.status_code == 501 and "--record FOLDER" in refused.json()["detail"]
    assert session["recorded"] is False and outputs(live, session) == []


def test_an_output_that_fails_is_remarked_once_without_its_key_and_the_session_goes_on(source, caplog):
    caplog.set_level(logging.WARNING, "ditto_server.live.outputs")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with running(source, outputs=OutputSettings(push=f"rtmp://127.0.0.1:{port}/app/secret")) as live:
        session = live.session()
        wait_until(lambda: outputs(live, session)[0]["problem"], 20)
        (one,) = outputs(live, session)
        assert one["problem"] == "the broadcast of a session has ended; the server's log says why"
        with opened(session) as wire:
            ask(wire, type="say", text="Hi")
            until(wire, named("finished"))
    (line,) = [record.getMessage() for record in caplog.records]
    assert "rtmp://127.0.0.1" in line and "refused" in line and "secret" not in line


@pytest.mark.full
def test_a_broadcast_that_the_environment_names_is_in_no_list_of_processes():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"rtmp://127.0.0.1:{silent.getsockname()[1]}/app/secret"
        with command("--mock", max_sessions=1, env={"DITTO_LIVE_PUSH": address}) as live:
            assert [one["kind"] for one in outputs(live, live.session())] == ["broadcast"]
            server = psutil.Process(live.process.pid)
            lines = [" ".join(one.cmdline()) for one in (server, *server.children(recursive=True))]
            silent.close()
    assert any("ditto.media.broadcast" in line for line in lines)
    assert not any("secret" in line for line in lines)


@pytest.mark.full
def test_a_broadcast_that_stalls_delays_no_viewer(source):
    async def watched(live):
        async with Viewer(live, live.session()) as viewer:
            await viewer.until(lambda: len(viewer.pictures) > 75, 20)
            return [pts for pts, _ in viewer.pictures], [pts for pts, _ in viewer.sounds]

    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and nothing else
        address = f"rtmp://127.0.0.1:{silent.getsockname()[1]}/live/face"
        with running(source, outputs=OutputSettings(push=address)) as live:
            pictures, sounds = asyncio.run(watched(live))
    assert np.diff(pictures).max() / 90_000 < 0.5 and np.diff(sounds).max() / 48_000 < 0.5


def test_a_session_is_shown_as_a_camera(source, monkeypatch):
    devices = []
    module = type(sys)("pyvirtualcam")
    module.Camera = lambda **given: devices.append(Device(**given)) or devices[-1]
    monkeypatch.setitem(sys.modules, "pyvirtualcam", module)
    with running(source, outputs=OutputSettings(camera="/dev/video9")) as live:
        session = live.session()
        assert outputs(live, session) == [{"kind": "virtual camera", "file": None, "problem": None}]
        (device,) = devices
        wait_until(lambda: len(device.shown) > 10)
    assert device.size == (512, 512, 25, "/dev/video9") and device.closed


@pytest.mark.parametrize(
    ("settings", "asked", "count"),
    [({}, None, None), ({}, 3, 3), ({"push": "rtmp://a/b"}, None, 1), ({"record": "a.mp4"}, 1, 1)],
)
def test_what_one_session_alone_can_have_is_for_a_server_of_one(
    monkeypatch, tmp_path, settings, asked, count
):
    monkeypatch.chdir(tmp_path)
    assert OutputSettings(**settings).max_sessions(asked) == count


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"push": "https://a.example/b"},
            "--push https://a.example/b: a broadcast goes to an address with rtmp",
        ),
        ({"record": "README.md"}, "--record README.md: File exists"),
        ({"camera": "README.md"}, "--camera README.md: this is a file; name portraits before --camera"),
        ({"camera": ""}, "a virtual camera needs pyvirtualcam"),
    ],
)
def test_outputs_that_cannot_be_are_refused_at_the_start(monkeypatch, settings, said):
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(ConfigError, match=said):
        OutputSettings(**settings)


def test_one_file_for_several_sessions_is_refused(tmp_path):
    settings = OutputSettings(record=str(tmp_path / "a.mp4"))
    with pytest.raises(
        ConfigError, match=r"a\.mp4 is for one session at a time: --max-sessions must be 1, not 8"
    ):
        settings.max_sessions(8)
