"""The WebSocket of a session, by a real client."""

import json
import time

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from ditto_server.live.limits import Bucket, Limits
from ditto_server.live.socket import SoundIn
from tests.ditto_server.conftest import running


def tone(seconds, rate=16_000):
    times = np.arange(round(seconds * rate)) / rate
    return (8000 * np.sin(2 * np.pi * 300 * times)).astype("<i2").tobytes()


def opened(session, after=None, **more):
    at = session["socket"] + ("" if after is None else f"?after={after}")
    return connect(at, proxy=None, **{"max_queue": None, **more})  # what nobody reads holds no goodbye up


def ask(socket, **command):
    """The answer to a command; events that come first are passed over."""
    socket.send(json.dumps(command))
    return until(socket, lambda said: said["type"] in ("done", "problem"))[-1]


def until(socket, wanted, seconds=5.0):
    """Everything said up to what is wanted."""
    heard = []
    end = time.monotonic() + seconds
    while not heard or not wanted(heard[-1]):
        heard.append(json.loads(socket.recv(timeout=max(0.01, end - time.monotonic()))))
    return heard


def named(name):
    return lambda said: said["type"] == name


def test_typed_text_is_answered_captioned_and_spoken(live):
    with opened(live.session()) as socket:
        answer = ask(socket, type="say", text="Hi", id="a")
        assert answer == {"type": "done", "done": "say", "utterance": 0, "id": "a"}
        heard = until(socket, named("finished"))
    assert {"caption", "started", "finished"} >= {said["type"] for said in heard}
    assert heard[-1]["utterance"] == 0 and heard[-1]["seconds"] > 0.1


def test_sound_is_spoken_as_it_comes_at_the_rate_that_is_said(live):
    with opened(live.session()) as socket:
        assert ask(socket, type="sound", rate=48_000)["rate"] == 48_000
        for _ in range(10):
            socket.send(tone(0.05, 48_000))
        ask(socket, type="flush")
        finished = until(socket, named("finished"))[-1]
    assert finished["seconds"] == pytest.approx(0.5, abs=0.001)


def test_an_utterance_whose_sender_has_gone_comes_to_its_end(live):
    session = live.session()
    with opened(session) as watcher:
        with opened(session) as socket:
            socket.send(tone(0.2))
        assert until(watcher, named("finished"))[-1]["seconds"] == pytest.approx(0.2, abs=0.01)


class FullFace:
    """Has room for one piece of sound."""

    rate = 16_000

    def __init__(self):
        self.told = []

    def push(self, samples, timeout=None):
        if self.told:
            raise TimeoutError("120 seconds of sound are waiting already")
        self.told.append("push")

    def flush(self):
        self.told.append("flush")


def test_an_utterance_comes_to_its_end_where_the_last_of_its_sound_does_not_fit():
    face = FullFace()
    sound = SoundIn(face, Bucket(1, 1))
    sound.set({"rate": 48_000})
    sound.put(tone(0.1, 48_000))
    sound.flush()
    assert face.told == ["push", "flush"]


def test_an_interruption_is_told_at_once_and_speech_may_follow_it(live):
    with opened(live.session()) as socket:
        socket.send(tone(20))
        until(socket, named("started"))
        asked = time.monotonic()
        assert ask(socket, type="interrupt")["type"] == "done"
        heard = until(socket, named("mute"))
        assert time.monotonic() - asked < 0.2
        assert "interrupted" in {said["type"] for said in heard}
        socket.send(tone(0.1))
        ask(socket, type="flush")
        assert until(socket, named("finished"))[-1]["seconds"] == pytest.approx(0.1, abs=0.001)


def test_who_is_listened_to_is_noticed(live):
    with opened(live.session()) as socket:
        ask(socket, type="sound", to="listen")
        socket.send(tone(0.3))
        assert until(socket, named("listening"))[-1]["speaks"] is True
        assert until(socket, lambda said: said.get("speaks") is False)[-1]["seconds"] > 0


def test_what_was_missed_is_told_to_who_comes_back(live):
    session = live.session()
    with opened(session) as socket:
        ask(socket, type="say", text="Hi")
        last = until(socket, named("started"))[-1]["number"]
    with opened(session, after=last) as socket:
        assert until(socket, named("finished"))[0]["number"] == last + 1


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("{", "this is no JSON"),
        ("null", "a command is a JSON object"),
        ('{"type": "nothing"}', "is not a command"),
        ('{"type": "sound", "rate": 1e9}', "rate must be a whole number"),
        ('{"type": "sound", "to": []}', "to must be one of"),
        (b"\x00", "16-bit samples"),
    ],
)
def test_what_makes_no_sense_is_answered_and_the_socket_goes_on(live, message, said):
    with opened(live.session()) as socket:
        socket.send(message)
        problem = until(socket, named("problem"))[-1]
        assert said in problem["detail"]
        assert ask(socket, type="figures")["figures"]["turns"] == 0


def test_more_sound_than_can_wait_is_refused(live):
    with opened(live.session()) as socket:
        for _ in range(6):
            socket.send(tone(30))
        problem = until(socket, named("problem"))[-1]
    assert problem["status"] == 429 and "120 seconds of sound are waiting" in problem["detail"]


def test_more_sound_than_anybody_speaks_is_not_listened_to(live):
    with opened(live.session()) as socket:
        ask(socket, type="sound", to="listen")
        for _ in range(3):
            socket.send(tone(6))
        assert "more sound than anybody speaks" in until(socket, named("problem"))[-1]["detail"]


def test_too_many_texts_and_too_many_commands_are_refused(source):
    limits = Limits(max_sessions=2, texts_waiting=2, commands_per_second=4)
    with running(source, limits) as live, opened(live.session()) as socket:
        details = [ask(socket, type="say", text="a long word or two").get("detail", "") for _ in range(12)]
    assert "2 texts are waiting to be said already" in details
    assert "too many commands a second" in details


@pytest.mark.parametrize("message", ["{", b"x"])
def test_who_goes_on_after_many_refusals_is_told_and_cut_off(source, message):
    with running(source, Limits(max_sessions=1, commands_per_second=4)) as live:
        session = live.session()
        with pytest.raises(ConnectionClosed) as closed, opened(session) as socket:
            for _ in range(200):
                socket.send(message)
            until(socket, lambda said: False)
        assert closed.value.rcvd.code == 1008 and "more than is taken" in closed.value.rcvd.reason
        with opened(session) as socket:
            assert ask(socket, type="figures")["type"] == "done"


def test_commands_of_a_socket_are_obeyed_in_the_order_they_came(live):
    with opened(live.session()) as socket:
        for number in range(16):
            socket.send(json.dumps({"type": ("say", "interrupt")[number % 2], "text": "Hi", "id": number}))
        heard = [said for said in until(socket, lambda said: said.get("id") == 15) if "id" in said]
    assert [said["id"] for said in heard] == list(range(16))


def test_a_message_that_is_too_big_ends_the_socket_alone(source):
    with running(source, Limits(max_sessions=2, message_bytes=1000)) as live:
        session = live.session()
        with pytest.raises(ConnectionClosed) as closed, opened(session) as socket:
            socket.send(b"x" * 2000)
            while True:
                socket.recv(timeout=5)
        assert closed.value.rcvd.code == 1009
        with opened(session) as socket:
            assert ask(socket, type="figures")["type"] == "done"


def test_frames_that_break_the_protocol_end_the_socket_alone(live):
    session = live.session()
    with opened(session) as socket:
        socket.socket.sendall(b"\xff\xff\xff\xff\xff")
        with pytest.raises(ConnectionClosed):
            while True:
                socket.recv(timeout=5)
    with opened(session) as socket:
        assert ask(socket, type="figures")["type"] == "done"


def test_an_unknown_session_and_a_page_of_elsewhere_get_no_socket(live):
    session = live.session()
    with pytest.raises(InvalidStatus) as refused:
        opened({"socket": session["socket"].replace(session["id"], "guessed")}).__enter__()
    assert refused.value.response.status_code == 404
    assert b"no such session" in refused.value.response.body
    with pytest.raises(InvalidStatus) as refused:
        opened(session, origin="https://evil.example").__enter__()
    assert refused.value.response.status_code == 403


def test_a_session_has_a_limited_number_of_connections(source):
    with running(source, Limits(max_sessions=1, connections=1)) as live:
        session = live.session()
        with opened(session), pytest.raises(InvalidStatus) as refused:
            opened(session).__enter__()
        assert refused.value.response.status_code == 429


def test_who_is_connected_when_the_session_ends_is_told_why(live):
    session = live.session()
    with opened(session) as socket:
        with live.client() as client:
            client.delete(f"/v1/sessions/{session['id']}")
        assert until(socket, named("ended"))[-1]["reason"] == "it was ended"
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=5)
    assert closed.value.rcvd.code == 4000


def test_a_session_is_kept_while_a_page_is_loaded_again(source):
    with running(source, Limits(max_sessions=1, keep_seconds=1.0)) as live:
        session = live.session()
        with opened(session):
            pass
        with opened(session) as socket:
            assert ask(socket, type="figures")["type"] == "done"
        assert len(source.faces) == 1


def test_a_connection_that_is_torn_down_leaves_the_session_to_its_time(source):
    with running(source, Limits(max_sessions=1, keep_seconds=0.3)) as live:
        session = live.session()
        with opened(session) as socket:
            socket.send(tone(5))
            socket.socket.shutdown(2)  # no closing handshake
        source.faces[0]._thread.join(10)
        assert not source.faces[0]._thread.is_alive()


def test_two_sessions_hear_nothing_of_each_other(live):
    first, second = live.session(), live.session()
    with opened(first) as one, opened(second) as other:
        ask(one, type="say", text="secret")
        until(one, named("finished"))
        ask(other, type="say", text="Hi")
        heard = until(other, named("finished"))
    assert "secret" not in json.dumps(heard)
    assert [said["utterance"] for said in heard if said["type"] == "started"] == [0]
