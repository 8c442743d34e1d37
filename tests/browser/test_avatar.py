"""`<ditto-avatar>` in a page of another origin, as somebody sees and hears it."""

import contextlib
import importlib.util
import os
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from ditto_server.live.access import Access
from ditto_server.live.faces import MockFaces
from ditto_server.live.limits import Limits
from ditto_server.live.outputs import OutputSettings
from ditto_server.live.tokens import Signer, Token
from tests.browser.seen import listen, loudness, moves, until
from tests.ditto_server.conftest import EXAMPLES, PORTRAITS, Watched, running

pytestmark = pytest.mark.browser
KEY = "the-key-of-this-server"
ELEMENT = "document.querySelector('ditto-avatar')"
VIDEO = f"{ELEMENT}.shadowRoot.querySelector('video')"
RECORD = """
window.told = [];
const note = ({ type, target, detail }) => target.localName === "ditto-avatar" && told.push([type, detail]);
for (const name of ["ready", "playing", "finished", "interrupted", "recording", "error"])
  addEventListener(name, note, true);
"""


@pytest.fixture(scope="module")
def source():
    return Watched(MockFaces(PORTRAITS))


@pytest.fixture(scope="module")
def live(source):
    limits = Limits(max_sessions=40, sessions_per_minute=600, keep_seconds=5)
    with running(source, limits, access=Access(key=KEY)) as served:
        yield served


@pytest.fixture(scope="module")
def shop(live):
    """The example's server, on a port of its own: another origin."""
    spec = importlib.util.spec_from_file_location("shop", EXAMPLES / "embedding" / "shop.py")
    module = importlib.util.module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    spec.loader.exec_module(module)
    sys.dont_write_bytecode = before
    with serving(module.shop(live.url, KEY, 0)) as url:
        yield url


class Site:
    """Pages of yet another origin."""

    def __init__(self, url, server):
        self.url, self._server, self.body = url, server, b""

    def show(self, page, attributes, server=None, elements=1):
        server = server or self._server
        script = f'<!doctype html><script src="{server}/avatar.js" defer></script>'
        element = f'<ditto-avatar server="{server}" {attributes}></ditto-avatar>'
        self.body = (script + elements * element).encode()
        page.goto(self.url)


@pytest.fixture(scope="module")
def site(live):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(made.body)

        def log_message(self, *_):
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        made = Site(url, live.url)
        yield made


@contextlib.contextmanager
def serving(server):
    """The address of a server in a thread."""
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def context(chromium):
    made = chromium.new_context(permissions=["microphone"])
    made.add_init_script(RECORD)
    yield made
    made.close()


@pytest.fixture
def page(context, shop):
    """The shop, once its face is seen; whatever the console complains of fails the test."""
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda said: said.type == "error" and page.complaints.append(said.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.goto(shop)
    expect(page.locator("#told")).to_have_text("Ada is here.")
    yield page
    assert page.complaints == []


def told(page):
    return [name for name, _ in page.evaluate("told")]


def token(origin, **more):
    return Signer(KEY).signed(Token(origin=origin, expires=time.time() + 60, **more))


def test_a_page_of_another_origin_shows_a_moving_face_and_plays_typed_text(page, shop, live):
    assert page.evaluate("location.origin") == shop != live.url
    assert moves(page, VIDEO)
    listen(page, VIDEO)
    page.get_by_label("Text to say").fill("Good day to you, and to all the others")
    page.get_by_role("button", name="Say").click()
    until(page, lambda: loudness(page) > 0.01)
    expect(page.get_by_text("Good day to you, and to all the others")).to_be_visible()
    until(page, lambda: told(page) == ["ready", "playing", "finished"])
    assert page.evaluate("told[1][1].text") == "Good day to you, and to all the others"
    assert page.evaluate("told[2][1].seconds") > 0.5
    expect(page.get_by_text("Good day to you, and to all the others")).to_be_hidden()


def test_an_interruption_silences_it(page):
    listen(page, VIDEO)
    page.evaluate(f"{ELEMENT}.say('a rather long text that goes on and on '.repeat(3))")
    until(page, lambda: loudness(page) > 0.01)
    page.get_by_role("button", name="Interrupt").click()
    until(page, lambda: loudness(page) < 0.001)
    until(page, lambda: told(page)[-1] == "interrupted")


def test_sound_that_is_pushed_is_spoken(page):
    seconds = page.evaluate(
        """async () => {
          const ada = document.querySelector("ditto-avatar");
          const done = new Promise((said) => ada.addEventListener("finished", said, { once: true }));
          const tone = Float32Array.from({ length: 24000 }, (_, n) => 0.3 * Math.sin(n / 20));
          await ada.push(tone, 48000);
          await ada.push(Int16Array.from(tone, (one) => 32767 * one), 48000);
          await ada.flush();
          return (await done).detail.seconds;
        }"""
    )
    assert seconds == pytest.approx(1.0, abs=0.01)


def test_it_listens_to_the_microphone(page, live, source):
    page.get_by_role("button", name="Let her listen").click()
    expect(page.get_by_role("button", name="Let her listen")).to_have_attribute("aria-pressed", "true")
    session = page.evaluate("told[0][1].session")
    with live.client() as client, client.stream("GET", f"/v1/sessions/{session}/events") as stream:
        assert any("listening" in line for line in stream.iter_lines())
    page.get_by_role("button", name="Let her listen").click()
    expect(page.get_by_role("button", name="Let her listen")).to_have_attribute("aria-pressed", "false")


def test_a_page_whose_origin_the_token_does_not_name_is_refused(context, site, source):
    page = context.new_page()
    before = len(source.faces)
    site.show(page, f'token="{token("http://127.0.0.1:1")}"')
    until(page, lambda: told(page) == ["error"])
    assert f"lets no page of {site.url} in" in page.evaluate("told[0][1].message")
    assert len(source.faces) == before


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        (
            lambda shop: f'token="{Signer(KEY).signed(Token(origin=shop, expires=1.0))}"',
            "the token has expired",
        ),
        (lambda shop: f'avatar="drawn-woman" token="{token(shop, avatar="drawn-man")}"', "'drawn-man' alone"),
        (lambda shop: "", "needs the attributes server and token"),
    ],
    ids=["expired", "another avatar", "no token"],
)
def test_what_hinders_it_is_said_in_a_sentence_and_calls_reject_with_one(context, site, attributes, said):
    page = context.new_page()
    site.show(page, attributes(site.url))
    until(page, lambda: told(page) == ["error"])
    assert said in page.evaluate("told[0][1].message")
    refused = page.evaluate(f"{ELEMENT}.say('Hi').catch((error) => error.message)")
    assert refused == "It has not begun: call start()."


def test_one_that_waits_begins_at_a_click_with_its_attributes(context, site):
    page = context.new_page()
    site.show(page, f'avatar="drawn-man" muted waits token="{token(site.url)}"')
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    assert told(page) == [] and "drawn-man/picture" in page.evaluate(f"{VIDEO}.poster")
    page.get_by_role("button", name="Start").click()
    until(page, lambda: told(page) == ["ready"])
    assert page.evaluate(f"{VIDEO}.muted") is True
    expect(page.get_by_role("button", name="Start")).to_be_hidden()
    page.evaluate(f"{ELEMENT}.removeAttribute('muted')")
    assert page.evaluate(f"{VIDEO}.muted") is False


def test_it_takes_the_websocket_where_it_is_told_to(context, site):
    page = context.new_page()
    site.show(page, f'transport="mp4" token="{token(site.url)}"')
    until(page, lambda: told(page) == ["ready"])
    until(page, lambda: moves(page, VIDEO))
    assert page.evaluate(f"{VIDEO}.srcObject") is None


def test_a_lost_network_is_joined_again_and_a_reload_finds_the_face(context, site, source):
    page = context.new_page()
    ways = []

    def through(way):
        ways.append(way)
        server = way.connect_to_server()
        way.on_message(server.send)
        server.on_message(way.send)

    page.route_web_socket(re.compile("/ws"), through)
    site.show(page, f'token="{token(site.url)}"')
    until(page, lambda: told(page) == ["ready"])
    ways[0].close(code=3001)
    until(page, lambda: len(ways) == 2)
    page.evaluate(f"{ELEMENT}.say('one and two')")
    until(page, lambda: told(page)[-1] == "finished")
    faces = len(source.faces)
    page.reload()
    until(page, lambda: told(page) == ["ready"])
    assert len(source.faces) == faces


def test_a_session_that_is_over_says_so_and_another_token_begins_another(context, live, site):
    page = context.new_page()
    site.show(page, f'token="{token(site.url)}"')
    until(page, lambda: told(page) == ["ready"])
    first = page.evaluate("told[0][1].session")
    httpx.delete(f"{live.url}/v1/sessions/{first}", trust_env=False)
    until(page, lambda: told(page)[-1] == "error")
    assert page.evaluate("told.at(-1)[1].message") == "It has ended: it was ended."
    page.evaluate(f"(token) => {ELEMENT}.setAttribute('token', token)", token(site.url))
    until(page, lambda: told(page)[-1] == "ready")
    assert page.evaluate("told.at(-1)[1].session") != first


def sessions(page):
    return page.evaluate("told.filter(([name]) => name === 'ready').map(([, { session }]) => session)")


def test_another_avatar_takes_the_place_of_the_one_that_was_shown(context, live, site):
    page = context.new_page()
    site.show(page, f'token="{token(site.url)}"')
    until(page, lambda: told(page) == ["ready"])
    page.evaluate(f"{ELEMENT}.setAttribute('avatar', 'drawn-man')")
    until(page, lambda: told(page) == ["ready", "ready"])
    before, now = (httpx.get(f"{live.url}/v1/sessions/{one}", trust_env=False) for one in sessions(page))
    assert before.status_code == 404 and now.json()["avatar"] == "drawn-man"


def test_an_avatar_that_is_changed_twice_in_a_moment_is_the_last_one(context, live, site):
    page = context.new_page()
    site.show(page, f'token="{token(site.url)}"')
    until(page, lambda: told(page) == ["ready"])
    with page.expect_request(lambda request: request.method == "POST" and request.url.endswith("sessions")):
        page.evaluate(f"{ELEMENT}.setAttribute('avatar', 'drawn-man')")
    page.evaluate(f"{ELEMENT}.setAttribute('avatar', 'drawn-woman')")
    until(page, lambda: told(page) == ["ready", "ready"])
    shown = httpx.get(f"{live.url}/v1/sessions/{sessions(page)[1]}", trust_env=False)
    assert shown.json()["avatar"] == "drawn-woman"


def test_a_session_that_is_on_its_way_to_another_process_is_waited_for(context, site):
    page = context.new_page()
    site.show(page, f'token="{token(site.url)}"')
    until(page, lambda: told(page) == ["ready"])
    first, asked = sessions(page), []

    def moving(route):
        asked.append(route)
        if len(asked) > 2:
            route.continue_()
        else:
            route.fulfill(status=503, headers={"Access-Control-Allow-Origin": site.url}, body="{}")

    page.route(re.compile("/v1/sessions/[^/]+$"), moving)
    page.reload()
    until(page, lambda: told(page) == ["ready"])
    assert sessions(page) == first and len(asked) == 3


def test_two_in_a_page_have_a_session_each_after_a_reload_too(context, site):
    page = context.new_page()
    site.show(page, f'token="{token(site.url, sessions=2)}"', elements=2)
    until(page, lambda: told(page) == ["ready", "ready"])
    first = set(sessions(page))
    page.reload()
    until(page, lambda: told(page) == ["ready", "ready"])
    assert set(sessions(page)) == first and len(first) == 2


def test_the_page_is_told_that_it_is_recorded_and_that_it_is_no_more(context, site, tmp_path):
    admin = {"Authorization": "Bearer the-key-of-the-operator"}
    access = Access(key=KEY, admin_key="the-key-of-the-operator")
    outputs = OutputSettings(record=str(tmp_path))
    with running(Watched(MockFaces(PORTRAITS[:1])), access=access, outputs=outputs) as live:
        page = context.new_page()
        site.show(page, f'token="{token(site.url)}"', live.url)
        until(page, lambda: told(page) == ["recording", "ready"])
        session = page.evaluate("told[1][1].session")
        with live.client(headers=admin) as client:
            assert client.delete(f"/v1/sessions/{session}/record").status_code == 200
        until(page, lambda: told(page)[-1] == "recording")
        assert [page.evaluate(f"told.at({at})[1].on") for at in (0, -1)] == [True, False]


def test_one_that_leaves_the_page_hangs_up(page, live):
    at = f"/v1/sessions/{page.evaluate('told[0][1].session')}"
    with live.client() as client:
        assert client.get(at).json()["figures"]["connections"] == 2
        page.evaluate(f"{ELEMENT}.remove()")
        until(page, lambda: client.get(at).json()["figures"]["connections"] == 0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("shape", "width", "height"), [("wide", 1280, 800), ("narrow", 390, 844)])
def test_the_shop_is_whole_at_any_width(chromium, shop, tmp_path, scheme, shape, width, height):
    """Screenshots lie in SCREENSHOTS, where that is set, for somebody to look at."""
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": height})
    page = context.new_page()
    page.goto(shop)
    expect(page.locator("#told")).to_have_text("Ada is here.")
    page.get_by_label("Text to say").fill("Good day! " * 20)
    page.get_by_role("button", name="Say").click()
    expect(page.locator("#told")).to_have_text("Ada speaks.")
    page.screenshot(path=folder / f"embedded_{shape}_{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
