"""Visitors who mean no good: each costs the server little, and the others notice nothing."""

import asyncio
import contextlib
import json
import logging
import socket
import struct

import psutil
import pytest
import uvicorn
from aiortc import RTCConfiguration, RTCPeerConnection
from uvicorn.server import ServerState

from ditto_server.live.connections import MAX_SILENT, websocket_protocol
from ditto_server.live.library_logs import MAX_KINDS, OncePerKind
from ditto_server.live.limits import Limits
from tests.ditto_server.conftest import command, running, wait_until
from tests.ditto_server.test_socket import ask, opened

MEGABYTE = 1 << 20
MASK = b"\0\0\0\0"


def raw(live, said=b""):
    """A connection on which so much has been said."""
    with contextlib.ExitStack() as undo:
        made = undo.enter_context(socket.create_connection(("127.0.0.1", live.port), timeout=20))
        made.sendall(said)
        undo.pop_all()
    return made


def handshake(path):
    """The request for a WebSocket, by a visitor who would compress messages."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        *("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
        *("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Extensions: permessage-deflate"),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def upgraded(live, session):
    """A WebSocket whose frames are made by hand."""
    with contextlib.ExitStack() as undo:
        made = undo.enter_context(raw(live, handshake(session["links"]["ws"])))
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += made.recv(1) or b"\r\n\r\n"
        assert answer.startswith(b"HTTP/1.1 101"), answer
        assert b"extensions" not in answer.lower()  # a message of a kilobyte is not to grow to a megabyte
        undo.pop_all()
    return made


def frame(opcode, payload=b"", last=True):
    assert len(payload) < 126
    return struct.pack("!BB", opcode | (128 if last else 0), 128 | len(payload)) + MASK + payload


def code_of_close(wire):
    """The code with which a WebSocket is closed."""
    said = b""
    while piece := wire.recv(1 << 16):
        said += piece
    at = said.index(b"\x88")
    return struct.unpack("!H", said[at + 2 : at + 4])[0]


def held(live):
    """Connections that the server keeps."""
    return sum(one.laddr.port == live.port for one in psutil.Process().net_connections("tcp") if one.raddr)


def resident():
    return psutil.Process().memory_info().rss


def test_a_visitor_is_answered_while_a_thousand_others_have_said_nothing(live):
    session = live.session()
    beginnings = [b"", b"GET /v1/he", b"GET / HTTP/1.1\r\nHost: a\r\n", b"POST /v1/sessions HTTP/1.1\r\n"]
    silent = [raw(live, beginnings[number % len(beginnings)]) for number in range(1000)]
    try:
        with live.client() as client:
            assert client.get("/v1/health").status_code == 200
        with opened(session) as wire:
            assert ask(wire, type="figures")["type"] == "done"
        wait_until(lambda: held(live) < MAX_SILENT + 10)
    finally:
        for one in silent:
            one.close()


def test_who_answers_no_ping_is_not_sent_pongs_without_end(live):
    sent, pings, before = 0, frame(9, b"x" * 125) * 500, resident()
    with upgraded(live, live.session()) as wire:
        wire.settimeout(0.5)
        with pytest.raises(TimeoutError):  # nothing more is read from a visitor that does not read
            while sent < 100 * MEGABYTE:
                sent += wire.send(pings)
        assert resident() - before < 10 * MEGABYTE


def test_a_message_in_endless_pieces_is_refused(live):
    with upgraded(live, live.session()) as wire:
        wire.sendall(frame(1, b"{", last=False) + frame(0, b"", last=False) * 1200)
        assert code_of_close(wire) == 1009


def test_text_that_is_none_ends_the_socket_without_a_traceback(live, caplog):
    with upgraded(live, live.session()) as wire:
        wire.sendall(frame(1, b"\xff\xfe"))
        assert code_of_close(wire) == 1007
    assert caplog.records == []


async def offered(direction):
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTransceiver("audio", direction=direction)
    sdp = (await connection.createOffer()).sdp
    await connection.close()
    return sdp


@pytest.mark.parametrize(("link", "direction"), [("whip", "sendonly"), ("offer", "recvonly")])
def test_an_offer_that_comes_after_the_end_of_its_session_is_refused(live, link, direction):
    session, sdp = live.session(), asyncio.run(offered(direction))
    body = (json.dumps({"type": "offer", "sdp": sdp}) if link == "offer" else sdp).encode()
    lines = [
        f"POST {session['links'][link]} HTTP/1.1",
        *("Host: 127.0.0.1", "Content-Type: application/sdp"),
        *(f"Content-Length: {len(body)}", "Expect: 100-continue"),
    ]
    with raw(live, "\r\n".join([*lines, "", ""]).encode()) as late, live.client() as client:
        assert late.recv(100).startswith(b"HTTP/1.1 100")  # the session is known, its body is waited for
        assert client.delete(f"/v1/sessions/{session['id']}").status_code == 204
        late.sendall(body)
        assert late.recv(100).startswith(b"HTTP/1.1 410")


PAGE = b"GET /pages/main.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.mark.parametrize("asks", [PAGE, frame(9, b"x" * 125)], ids=["pages", "pongs"])
def test_who_does_not_read_what_it_asked_for_is_hung_up_on(source, asks):
    with running(source, Limits(max_sessions=1, unread_seconds=0.5)) as live:
        slow = raw(live) if asks == PAGE else upgraded(live, live.session())
        slow.settimeout(5)
        with slow, pytest.raises(ConnectionError):
            while True:
                slow.sendall(asks * 500)


def saying(once):
    """Logs a warning; gives its text, or None where it is kept back."""

    def said(name, text, *about):
        record = logging.LogRecord(name, logging.WARNING, "", 0, text, about, None)
        return record.getMessage() if once.filter(record) else None

    return said


def test_what_a_library_says_again_and_again_is_said_once_an_hour_and_counted():
    now = [0.0]
    said = saying(OncePerKind(lambda: now[0]))

    assert said("uvicorn.error", "no request: %s", 1) == "no request: 1"
    assert [said("uvicorn.error", "no request: %s", number) for number in range(5)] == [None] * 5
    assert said("asyncio", "Task exception\n<Task 1>") and said("asyncio", "Task exception\n<Task 2>") is None
    assert said("ditto_server.live.crew", "a worker ended") and said(
        "ditto_server.live.crew", "a worker ended"
    )
    now[0] = 4000
    assert said("uvicorn.error", "no request: %s", 7) == "no request: 7 (and 5 more like it)"


def test_a_new_kind_of_line_is_said_however_many_there_were_before():
    said = saying(OncePerKind(lambda: 0.0))
    kinds = [f"kind {number}" for number in range(MAX_KINDS + 1)]
    assert [said("aiortc", kind) for kind in kinds] == kinds
    assert said("aiortc", kinds[1]) is None and said("aiortc", kinds[-1]) is None
    assert said("aiortc", kinds[0]) == kinds[0]  # which had made room for the last one


class Unending(asyncio.Transport):
    """A connection that is not over yet when it is closed: its other side does not read."""

    def set_write_buffer_limits(self, high=None, low=None):
        pass

    def write(self, data):
        pass

    def close(self):
        pass

    def is_closing(self):
        return False

    def pause_reading(self):
        pass


def test_who_answers_a_frame_that_broke_the_protocol_sees_a_visitor_that_has_gone():
    async def answered():
        broken, found = asyncio.Event(), asyncio.get_running_loop().create_future()

        async def app(scope, receive, send):
            await send({"type": "websocket.accept"})
            await broken.wait()
            try:
                await send({"type": "websocket.send", "text": "an answer"})
            except Exception as error:
                found.set_result(error)

        config = uvicorn.Config(app, ws=websocket_protocol(Limits()), lifespan="off", log_config=None)
        config.load()
        protocol = config.ws_protocol_class(config, ServerState(), {})
        protocol.connection_made(Unending())
        protocol.data_received(handshake("/"))
        await asyncio.sleep(0)
        protocol.data_received(frame(3))
        broken.set()
        error = await found
        protocol.connection_lost(None)
        return error

    assert isinstance(asyncio.run(answered()), OSError)


def test_hundreds_of_requests_and_frames_that_are_none_are_one_line_in_the_log():
    with command("--mock") as live:
        session = live.session()
        for _ in range(100):
            with raw(live, b"GET / HTTP/1.1\r\n\x00\r\n\r\n") as one:
                assert one.recv(100).startswith(b"HTTP/1.1 400")
            with upgraded(live, session) as wire:
                wire.sendall(frame(1, b'{"type": "figures"}') * 20 + frame(1, b"\xff") + frame(3))
                with contextlib.suppress(ConnectionError):
                    code_of_close(wire)
        live.process.terminate()
        assert live.process.stderr.read().splitlines() == [
            "WARNING: Invalid HTTP request received.",
            "stopped",
        ]
