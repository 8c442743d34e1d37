"""Tokens, by which pages of one origin may use a server whose key they do not have."""

import asyncio
import base64
import hmac
import json
import time

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from cfg.errors import ConfigError
from ditto_server.live.access import Access
from ditto_server.live.limits import Limits
from ditto_server.live.outputs import OutputSettings
from ditto_server.live.tokens import MAX_REMEMBERED, Signer, Token, TokenSessions
from tests.ditto_server.conftest import Watched, command, running, wait_until

KEY = "the-key-of-this-server"
SHOP, ELSEWHERE = "https://shop.example", "https://elsewhere.example"


@pytest.fixture(scope="module")
def guarded(mocks):
    with running(
        Watched(mocks), Limits(max_sessions=40, sessions_per_minute=600), access=Access(key=KEY)
    ) as up:
        yield up


@pytest.fixture
def client(guarded):
    with guarded.client() as asking:
        yield asking


def bearer(token, origin=SHOP):
    return {"Authorization": f"Bearer {token}"} | ({} if origin is None else {"Origin": origin})


def token_of(client, **wanted):
    made = client.post(
        "/v1/tokens", json={"origin": SHOP, **wanted}, headers={"Authorization": f"Bearer {KEY}"}
    )
    assert made.status_code == 201, made.text
    return made.json()


def begin(client, token, origin=SHOP, **body):
    return client.post("/v1/sessions", json=body, headers=bearer(token, origin))


def test_a_token_begins_a_session_that_pages_of_its_origin_may_use(client):
    made = begin(client, token_of(client)["token"])
    assert made.status_code == 201
    assert made.headers["access-control-allow-origin"] == SHOP
    commands = made.json()["links"]["commands"]
    asked = client.options(commands, headers={"Origin": SHOP, "Access-Control-Request-Method": "POST"})
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, SHOP)
    said = client.post(commands, json={"type": "say", "text": "Hi"}, headers={"Origin": SHOP})
    assert said.json()["done"] == "say"
    assert said.headers["access-control-allow-origin"] == SHOP


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:3000", "https://shop.example:8443", "http://127.0.0.1:1", "https://[2001:db8::1]"],
)
def test_an_origin_as_browsers_write_it_is_taken(origin):
    assert Token(origin=origin, expires=1.0).origin == origin


def test_a_token_is_made_with_the_key_alone(client):
    token = token_of(client)["token"]
    for key in (None, "wrong", token):
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        assert client.post("/v1/tokens", json={"origin": SHOP}, headers=headers).status_code == 401
    from_a_page = {"Authorization": f"Bearer {KEY}", "Origin": SHOP}
    assert client.post("/v1/tokens", json={"origin": SHOP}, headers=from_a_page).status_code == 403


def test_a_token_tells_its_limits_and_nothing_of_the_key(client):
    told = token_of(client, avatar="drawn-man", session_seconds=60, sessions=2, valid_seconds=30)
    mark, said, signature = told["token"].split(".")
    inside = json.loads(base64.urlsafe_b64decode(said + "=="))
    assert mark == "ditto1" and inside == {name: told[name] for name in inside}
    assert (inside["origin"], inside["avatar"], inside["session_seconds"]) == (SHOP, "drawn-man", 60)
    assert inside["sessions"] == 2 and abs(inside["expires"] - time.time() - 30) < 5
    assert KEY not in told["token"] and KEY not in json.dumps(inside)
    assert base64.urlsafe_b64decode(signature + "=") != hmac.digest(KEY.encode(), said.encode(), "sha256")


def test_whoever_has_the_key_makes_tokens_without_asking(client):
    token = Token(origin=SHOP, expires=time.time() + 60)
    assert begin(client, Signer(KEY).signed(token)).status_code == 201
    assert begin(client, Signer("another-key-of-one").signed(token)).status_code == 403


def test_an_expired_token_begins_nothing_and_the_page_may_read_why(client):
    late = begin(client, Signer(KEY).signed(Token(origin=SHOP, expires=time.time() - 1)))
    assert late.status_code == 401 and "has expired" in late.json()["detail"]
    assert late.headers["access-control-allow-origin"] == SHOP


def test_an_altered_token_is_none():
    signer = Signer(KEY)
    text = signer.signed(Token(origin=SHOP, expires=1e10))
    assert signer.read(text) == Token(**json.loads(base64.urlsafe_b64decode(text.split(".")[1] + "==")))
    changed = [text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :] for at in range(len(text))]
    assert [signer.read(other) for other in changed] == [None] * len(text)
    for other in (
        None,
        "",
        "ditto1",
        "ditto1..",
        text + "A",
        text + ".",
        text[:-1],
        text + "é",
        "x" * 10_000,
    ):
        assert signer.read(other) is None


def test_signatures_are_compared_in_constant_time(monkeypatch):
    compared = []
    usual = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append((len(a), len(b))) or usual(a, b))
    signer = Signer(KEY)
    text = signer.signed(Token(origin=SHOP, expires=1e10))
    assert signer.read(text) and signer.read(text[:-3] + "abc") is None
    assert compared == [(43, 43), (43, 43)]


def test_a_token_is_of_no_use_to_another_origin(client):
    token = token_of(client)["token"]
    for origin in (ELSEWHERE, "null", "http://shop.example", "https://shop.example:444", None):
        refused = begin(client, token, origin)
        assert refused.status_code == 403, origin
        assert "access-control-allow-origin" not in refused.headers


def test_a_page_of_elsewhere_uses_no_session_of_a_token(client):
    made = begin(client, token_of(client)["token"]).json()
    for path in (made["links"]["commands"], made["links"]["offer"], made["links"]["whep"]):
        for method in ("POST", "OPTIONS"):
            refused = client.request(method, path, json={}, headers={"Origin": ELSEWHERE})
            assert refused.status_code == 403, (method, path)
            assert "access-control-allow-origin" not in refused.headers


def test_a_token_is_of_no_use_for_sessions_that_it_has_not_made(client):
    own, other = (token_of(client, sessions=2)["token"] for _ in range(2))
    by_key = client.post("/v1/sessions", headers={"Authorization": f"Bearer {KEY}"}).json()
    by_another = begin(client, other).json()
    for session in (by_key, by_another):
        refused = client.get(f"/v1/sessions/{session['id']}", headers=bearer(own, None))
        assert refused.status_code == 403 and "has not made that session" in refused.json()["detail"]
    from_a_page = client.get(f"/v1/sessions/{by_key['id']}", headers={"Origin": SHOP})
    assert from_a_page.status_code == 403
    assert client.get("/v1/sessions", headers=bearer(own)).status_code == 403


def test_after_a_restart_a_page_can_read_that_its_session_is_gone(client):
    token = Signer(KEY).signed(Token(origin=SHOP, expires=time.time() + 60))
    gone = client.get("/v1/sessions/of-before", headers=bearer(token))
    assert gone.status_code == 404 and gone.headers["access-control-allow-origin"] == SHOP


def test_a_token_for_one_avatar_shows_and_begins_no_other(client):
    token = token_of(client, avatar="drawn-man", sessions=3)["token"]
    listed = client.get("/v1/avatars", headers=bearer(token)).json()["avatars"]
    assert [one["name"] for one in listed] == ["drawn-man"]
    assert begin(client, token).json()["avatar"] == "drawn-man"
    refused = begin(client, token, avatar="drawn-woman")
    assert refused.status_code == 403 and "'drawn-man' alone" in refused.json()["detail"]


def test_a_token_has_so_many_sessions_at_once(client):
    token = token_of(client, sessions=2)["token"]
    first, second, third = (begin(client, token) for _ in range(3))
    assert [one.status_code for one in (first, second, third)] == [201, 201, 429]
    assert "for 2 sessions at once" in third.json()["detail"]
    client.delete(f"/v1/sessions/{first.json()['id']}", headers={"Origin": SHOP})
    assert begin(client, token).status_code == 201


def test_sessions_that_begin_in_the_same_moment_are_counted_too(guarded, client):
    token = token_of(client)["token"]

    async def all_at_once():
        async with httpx.AsyncClient(base_url=guarded.url, trust_env=False) as asking:
            return await asyncio.gather(
                *(asking.post("/v1/sessions", headers=bearer(token)) for _ in range(6))
            )

    assert sorted(one.status_code for one in asyncio.run(all_at_once())) == [201] + [429] * 5


def test_a_session_of_a_token_ends_after_its_time(source):
    limits = Limits(max_sessions=2, keep_seconds=1)
    with running(source, limits, access=Access(key=KEY)) as live, live.client() as client:
        session = begin(client, token_of(client, session_seconds=0.5)["token"]).json()
        with client.stream("GET", session["links"]["events"], headers={"Origin": SHOP}) as stream:
            assert "it lasted 0.5 seconds" in "\n".join(stream.iter_lines())
        over = client.get(f"/v1/sessions/{session['id']}", headers={"Origin": SHOP})
        assert over.status_code == 404 and over.headers["access-control-allow-origin"] == SHOP


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"origin": "shop.example"}, "is not an origin"),
        ({"origin": "https://shop.example/page"}, "is not an origin"),
        ({"origin": "https://Shop.example"}, "as https://shop.example; give it so"),
        ({"origin": "https://shop.example:443"}, "as https://shop.example; give it so"),
        ({"origin": "http://shop.example:080"}, "as http://shop.example; give it so"),
        ({"origin": "https://shop.example:"}, "as https://shop.example; give it so"),
        ({"origin": "https://caf\u00e9.example"}, "as https://xn--caf-dma.example; give it so"),
        ({"origin": "https://[2001:DB8::0:1]:444"}, "as https://[2001:db8::1]:444; give it so"),
        ({"origin": "https://shop.example:99999"}, "is not an origin"),
        ({"origin": "https://*.example"}, "is not an origin"),
        ({"origin": "https://me@shop.example"}, "is not an origin"),
        ({"origin": None}, "origin must be a text"),
        ({"avatar": "drawn-mann"}, "did you mean 'drawn-man'?"),
        ({"sessions": 0}, "must be from 1 to 16"),
        ({"sessions": 1.5}, "must be a whole number"),
        ({"valid_seconds": 1e6}, "at most 86400"),
        ({"session_seconds": -1}, "must be above 0"),
        ({"session_seconds": "long"}, "session_seconds must be a number"),
    ],
)
def test_a_token_that_makes_no_sense_is_not_made(client, wanted, said):
    body = {"origin": SHOP, **wanted}
    refused = client.post("/v1/tokens", json=body, headers={"Authorization": f"Bearer {KEY}"})
    assert refused.status_code == 422 and said in refused.json()["detail"]


def test_a_session_of_a_token_lasts_no_longer_than_any_may(client):
    assert token_of(client, session_seconds=1e9)["session_seconds"] == Limits().session_seconds


def test_a_websocket_is_opened_by_pages_of_the_origin_alone(guarded, client):
    at = begin(client, token_of(client)["token"]).json()["links"]["ws"]

    async def opened(origin):
        async with connect(f"ws://127.0.0.1:{guarded.port}{at}", origin=origin, proxy=None) as socket:
            await socket.send('{"type": "figures"}')
            return json.loads(await socket.recv())["type"]

    assert asyncio.run(opened(SHOP)) == "done"
    with pytest.raises(InvalidStatus) as refused:
        asyncio.run(opened(ELSEWHERE))
    assert refused.value.response.status_code == 403


def test_without_a_key_tokens_hold_as_long_as_the_server(live):
    with live.client() as client:
        token = client.post("/v1/tokens", json={"origin": SHOP}).json()["token"]
        assert begin(client, token).status_code == 201
    assert Signer(None).read(token) is None


def test_without_a_key_too_a_token_neither_lists_sessions_nor_records_them(source, tmp_path):
    with (
        running(source, outputs=OutputSettings(record=str(tmp_path))) as live,
        live.client() as client,
    ):
        token = client.post("/v1/tokens", json={"origin": SHOP}).json()["token"]
        at = f"/v1/sessions/{begin(client, token).json()['id']}"
        for headers in (bearer(token), bearer(token, None), {"Origin": SHOP}):
            for method, path in (
                *(("GET", "/v1/sessions"), ("HEAD", "/v1/sessions")),
                *(("DELETE", f"{at}/record"), ("POST", f"{at}/record")),
            ):
                refused = client.request(method, path, headers=headers)
                assert refused.status_code == 403, (method, path, headers)
                assert "access-control-allow-origin" not in refused.headers
        shown = client.get(at, headers=bearer(token))
        assert shown.status_code == 200 and shown.json()["recorded"] is True
        assert client.get("/v1/sessions").status_code == 200  # from this machine, by no page


def test_sessions_of_tokens_are_bounded_and_those_that_are_over_are_forgotten_first():
    open_ones = ["0"]
    token_sessions = TokenSessions(Signer(KEY), lambda id: id in open_ones)
    token = Token(origin=SHOP, expires=1e10, sessions=16)
    for number in range(MAX_REMEMBERED + 2):
        with token_sessions.room(token, None) as note:
            note(str(number))
    open_ones[:] = map(str, range(4))
    held = [str(n) for n in range(4) if token_sessions.admits(SHOP, "GET", f"/v1/sessions/{n}", None)]
    assert held == ["0", "3"]


def test_a_token_of_nothing_is_no_token():
    with pytest.raises(ConfigError):
        Token(origin="", expires=1.0)


@pytest.mark.full
def test_workers_keep_the_limits_of_a_token(tmp_path):
    with command("--mock", env={"DITTO_LIVE_KEY": KEY}) as live, live.client() as client:
        token = token_of(client, session_seconds=2)["token"]
        session = begin(client, token).json()
        assert begin(client, token).status_code == 429
        at = f"/v1/sessions/{session['id']}"
        assert client.get(at, headers={"Origin": ELSEWHERE}).status_code == 403
        assert client.get(at, headers={"Origin": SHOP}).json()["avatar"] == "drawn-woman"
        wait_until(lambda: client.get(at, headers={"Origin": SHOP}).status_code == 404, 10)
