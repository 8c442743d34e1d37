"""The HTTP API, asked by a real client."""

import socket
import time

import httpx
import pytest

from ditto_server.live.access import Access
from ditto_server.live.limits import Limits
from tests.ditto_server.conftest import Watched, running, wait_until


def test_avatars_are_listed_with_pictures_and_what_they_can_do(live):
    with live.client() as client:
        told = client.get("/v1/avatars").json()
        picture = client.get(told["avatars"][0]["picture"])
    assert [one["name"] for one in told["avatars"]] == ["drawn-woman", "drawn-man"]
    assert told["speaks"] and "nod" in told["gestures"] and "Happy" in told["emotions"]
    assert picture.headers["content-type"] == "image/jpeg" and picture.content[:2] == b"\xff\xd8"


def test_a_session_is_created_shown_and_ended_and_its_face_closed(live):
    with live.client() as client:
        made = client.post("/v1/sessions", json={"avatar": "drawn-man"})
        assert made.status_code == 201
        session = client.get(made.headers["location"]).json()
        assert session["avatar"] == "drawn-man" and len(session["id"]) >= 20
        assert session["figures"]["connections"] == 0
        assert client.delete(made.headers["location"]).status_code == 204
        assert client.get(made.headers["location"]).status_code == 404
    live.source.faces[0]._thread.join(5)
    assert not live.source.faces[0]._thread.is_alive()


def test_a_command_is_obeyed_and_answered(live):
    at = live.session()["links"]["commands"]
    with live.client() as client:
        said = client.post(at, json={"type": "say", "text": "Good day", "id": 7}).json()
        assert said == {"type": "done", "done": "say", "utterance": 0, "id": 7}
        assert client.post(at, json={"type": "interrupt"}).json()["seconds"] >= 0
        for command in (
            {"type": "gesture", "name": "nod", "strength": 0.5},
            {"type": "feel", "emotion": ["happy", "surprise"]},
            {"type": "control", "controls": {"smile": 0.4, "brows": None}},
            {"type": "mode", "microphone": "to"},
            {"type": "figures"},
            {"type": "flush"},
        ):
            assert client.post(at, json=command).json()["done"] == command["type"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{", 400, "this is no JSON"),
        (b"[1]", 400, "a command is a JSON object"),
        (b"[" * 60_000, 400, "this is no JSON"),
        (b'{"type": "control", "controls": {"smile": NaN}}', 400, "NaN is not a JSON number"),
        (b'{"type": "say", "text": "\\ud800"}', 400, "half a character"),
        (b'{"type": "gesture", "name": "nod", "strength": 1e999}', 422, "strength must be a number"),
        (b'{"type": "feel", "emotion": "sad", "intensity": 1' + b"0" * 400 + b"}", 422, "must be a number"),
        (
            b'{"type": "control", "controls": {"smile": [1' + b"0" * 400 + b"]}}",
            422,
            "smile must be a number",
        ),
        (b'{"type": "sya", "text": "x"}', 422, "did you mean 'say'?"),
        (b'{"type": ["say"]}', 422, "is not a command"),
        (b'{"type": "say", "text": "  "}', 422, "text must be a text that is not empty"),
        (b'{"type": "say", "text": 5}', 422, "text must be a text"),
        (b'{"type": "gesture", "name": "nodd"}', 422, "did you mean 'nod'?"),
        (b'{"type": "gesture", "name": "nod", "strength": true}', 422, "strength must be a number"),
        (b'{"type": "feel", "emotion": {"happy": 1}}', 422, "emotion must be a text"),
        (b'{"type": "control", "controls": {}}', 422, "at least one control"),
        (b'{"type": "control", "controls": {"smile": {"a": 1}}}', 422, "smile must be a number"),
        (b'{"type": "mode", "microphone": "loud"}', 422, "is not a mode of the microphone"),
        (b'{"type": "say", "text": "' + b"x" * 5000 + b'"}', 422, "4000 are said at once"),
        (b"x" * 70_000, 413, "65536 bytes at most"),
    ],
)
def test_what_is_malformed_is_refused_in_one_sentence(shared, body, status, said):
    with shared.client() as client:
        answer = client.post(shared.at, content=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert said in problem["detail"] and "\n" not in problem["detail"]
    assert set(problem) == {"title", "status", "detail"}


@pytest.fixture(scope="module")
def shared(mocks):
    """One server and session for all that is refused."""
    with running(Watched(mocks)) as served:
        served.at = served.session()["links"]["commands"]
        yield served


def test_a_control_may_be_called_anything(shared):
    with shared.client() as client:
        for name in ("self", "start"):
            answer = client.post(shared.at, json={"type": "control", "controls": {name: 1}})
            assert answer.status_code in (200, 422)


def test_a_body_of_unknown_length_is_bounded_too(shared):
    with shared.client() as client:
        answer = client.post(shared.at, content=(b"x" * 1000 for _ in range(100)))
    assert answer.status_code == 413


def test_unknown_addresses_and_methods_are_said(shared):
    with shared.client() as client:
        assert client.get("/v1/nothing").json()["detail"] == "there is nothing at /v1/nothing"
        assert "PUT is not possible" in client.put("/v1/sessions").json()["detail"]
        assert client.get("/v1/sessions/../../etc/passwd").status_code == 404
        assert client.get("/pages/%2e%2e/commands.py").status_code == 404
        assert "no such session" in client.get("/v1/sessions/guessed").json()["detail"]
        assert "not an avatar" in client.post("/v1/sessions", json={"avatar": "../x"}).json()["detail"]


def test_a_full_server_says_why_and_when_to_come_back(source):
    with running(source, Limits(max_sessions=1)) as live, live.client() as client:
        first = client.post("/v1/sessions").json()
        full = client.post("/v1/sessions")
        assert full.status_code == 503 and full.headers["retry-after"] == "10"
        assert "1 session is open" in full.json()["detail"]
        client.delete(f"/v1/sessions/{first['id']}")
        assert client.post("/v1/sessions").status_code == 201


def test_too_many_sessions_of_one_visitor_are_slowed_down(source):
    with running(source, Limits(max_sessions=8, sessions_per_minute=2)) as live, live.client() as client:
        assert [client.post("/v1/sessions").status_code for _ in range(3)] == [201, 201, 429]


def test_a_session_that_nobody_connects_to_ends(source):
    with running(source, Limits(max_sessions=2, keep_seconds=0.2)) as live, live.client() as client:
        at = client.post("/v1/sessions").headers["location"]
        wait_until(lambda: client.get(at).status_code == 404)
        live.source.faces[0]._thread.join(5)
        assert not live.source.faces[0]._thread.is_alive()


def test_an_idle_session_ends_and_says_so(source):
    limits = Limits(max_sessions=2, keep_seconds=0.4, idle_seconds=0.2)
    with running(source, limits) as live, live.client() as client:
        at = live.session()["links"]["events"]
        with client.stream("GET", at) as stream:
            lines = "\n".join(stream.iter_lines())
        assert "nothing was said or asked for" in lines


def test_what_a_page_asks_by_itself_does_not_keep_a_session(source):
    limits = Limits(max_sessions=2, keep_seconds=0.4, idle_seconds=0.5)
    with running(source, limits) as live, live.client() as client:
        links = live.session()["links"]
        ends = time.monotonic() + 10
        with client.stream("GET", links["events"]):
            while client.post(links["commands"], json={"type": "figures"}).status_code != 404:
                assert time.monotonic() < ends
                time.sleep(0.1)


def test_a_number_that_nobody_means_is_none(live):
    session = live.session()
    with live.client() as client:
        for number in ("9" * 5000, "-1", "1e9", "¹"):
            headers = {"Last-Event-ID": number.encode()}
            with client.stream("GET", session["links"]["events"], headers=headers) as stream:
                assert stream.status_code == 200


def test_commands_by_http_are_as_many_a_second_as_on_any_other_way(source):
    with running(source, Limits(max_sessions=2, commands_per_second=2)) as live, live.client() as client:
        commands = live.session()["links"]["commands"]
        codes = [client.post(commands, json={"type": "figures"}).status_code for _ in range(8)]
    assert codes[:4] == [200] * 4 and 429 in codes


def test_events_are_told_by_server_sent_events_and_again_after_a_number(live):
    session = live.session()
    with live.client() as client:
        with client.stream("GET", session["links"]["events"]) as stream:
            client.post(session["links"]["commands"], json={"type": "say", "text": "Hi"})
            names = []
            for line in stream.iter_lines():
                if line.startswith("event: "):
                    names.append(line.removeprefix("event: "))
                if names[-1:] == ["finished"]:
                    break
        assert names == ["caption", "started", "finished"]
        with client.stream("GET", session["links"]["events"], headers={"Last-Event-ID": "2"}) as stream:
            missed = next(line for line in stream.iter_lines() if line.startswith("event"))
        assert missed == "event: finished"


def test_pages_of_elsewhere_and_names_of_elsewhere_are_refused(shared):
    with shared.client() as client:
        evil = client.get("/v1/avatars", headers={"Host": "evil.example"})
        assert evil.status_code == 421 and "not called 'evil.example'" in evil.json()["detail"]
        for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
            refused = client.post("/v1/sessions", headers={"Origin": origin})
            assert refused.status_code == 403, origin
        assert client.get("/v1/avatars", headers={"Origin": shared.url}).status_code == 200


def test_an_origin_that_is_named_may_use_the_server(source):
    access = Access(origins=("https://shop.example",))
    with (
        running(source, access=access) as live,
        live.client(headers={"Origin": "https://shop.example"}) as client,
    ):
        asked = client.options("/v1/sessions", headers={"Access-Control-Request-Method": "POST"})
        assert asked.status_code == 204
        assert asked.headers["access-control-allow-origin"] == "https://shop.example"
        made = client.post("/v1/sessions")
        assert made.status_code == 201
        assert made.headers["access-control-allow-origin"] == "https://shop.example"


def test_a_key_is_asked_for_where_one_is_set_and_another_for_the_list(source):
    access = Access(key="visitor-key-1", admin_key="admin-key-123")
    with running(source, access=access) as live, live.client() as client:
        assert "needs a key" in client.post("/v1/sessions").json()["detail"]
        wrong = client.post("/v1/sessions", headers={"Authorization": "Bearer wrong"})
        assert wrong.status_code == 401 and wrong.headers["www-authenticate"] == "Bearer"
        key = {"Authorization": "Bearer visitor-key-1"}
        made = client.post("/v1/sessions", headers=key)
        assert made.status_code == 201
        assert client.get("/v1/sessions", headers=key).status_code == 401
        listed = client.get("/v1/sessions", headers={"Authorization": "Bearer admin-key-123"}).json()
        assert [one["id"] for one in listed["sessions"]] == [made.json()["id"]]


def test_without_an_admin_key_a_visitor_sees_no_other_session(source):
    with running(source, access=Access(key="visitor-key-1")) as live, live.client() as client:
        listed = client.get("/v1/sessions", headers={"Authorization": "Bearer visitor-key-1"})
        assert listed.status_code == 403 and "DITTO_LIVE_ADMIN_KEY" in listed.json()["detail"]


def test_the_page_takes_nothing_from_elsewhere(shared):
    with shared.client() as client:
        page = client.get("/")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "http:" not in page.text and "https:" not in page.text


def test_connections_that_are_opened_and_left_are_hung_up_and_cost_nobody_else(source):
    with running(source, Limits(request_seconds=0.5)) as live:
        lines = [socket.create_connection(("127.0.0.1", live.port)) for _ in range(100)]
        lines[0].sendall(b"GET / HTTP/1.1\r\nHost: ")
        lines[1].sendall(b"POST /v1/sessions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n{")
        with live.client() as client:
            assert client.get("/v1/health").status_code == 200
        said = []
        for line in lines:
            line.settimeout(5)
            said.append(line.recv(1000))
            line.close()
    assert said[1].startswith(b"HTTP/1.1 408")
    assert said[0] == b"" and set(said[2:]) == {b""}


def test_garbage_in_place_of_http_is_refused(shared):
    with socket.create_connection(("127.0.0.1", shared.port)) as line:
        line.sendall(b"\x16\x03\x01" + b"\x00" * 300 + b"\r\n\r\n")
        line.settimeout(5)
        assert line.recv(1000).startswith(b"HTTP/1.1 400")
    assert httpx.get(f"{shared.url}/v1/health", trust_env=False).status_code == 200


def test_one_event_stream_too_many_is_refused_with_a_reason_and_nothing_in_the_log(source, caplog):
    with running(source, Limits(max_sessions=1, connections=2)) as live, live.client() as client:
        at = live.session()["links"]["events"]
        with client.stream("GET", at), client.stream("GET", at):
            refused = client.get(at)
        assert refused.status_code == 429
        assert "has 2 connections already" in refused.json()["detail"]
        wait_until(lambda: next(iter(listed(client)))["figures"]["connections"] == 0)
    assert caplog.records == []


def listed(client):
    return client.get("/v1/sessions").json()["sessions"]
