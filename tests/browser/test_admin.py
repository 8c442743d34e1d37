"""The operator's page as somebody sees and uses it."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from ditto_server.live.access import Access
from ditto_server.live.faces import MockFaces
from ditto_server.live.limits import Limits
from ditto_server.live.outputs import OutputSettings
from tests.browser.test_page import start
from tests.ditto_server.conftest import PORTRAITS, Watched, command, running

pytestmark = pytest.mark.browser
KEY, ADMIN = "a-key-of-visitors", "a-key-of-operators"


def column(page, name):
    return page.locator(f"#sessions td[data-name='{name}']")


def total(page, name):
    return page.locator("#totals div", has=page.get_by_text(name, exact=True)).locator("dd")


def test_sessions_processes_and_refusals_are_seen_and_a_session_is_ended(page, live):
    page.goto(f"{live.url}/admin")
    expect(page.get_by_text("Nobody is here.")).to_be_visible()
    session = live.session(avatar="drawn-man")
    expect(page.get_by_text("drawn-man")).to_be_visible()
    expect(page.get_by_text("Nobody is here.")).to_be_hidden()
    expect(column(page, "Viewers")).to_have_text("0")
    expect(column(page, "Frames/s")).to_have_text("25.0", timeout=10_000)
    expect(column(page, "Processor")).to_contain_text("%")
    expect(column(page, "Quality")).to_have_text("every picture")
    expect(total(page, "Sessions")).to_have_text("1 of 4")
    expect(page.locator("#workers tbody tr")).to_have_count(1)
    for _ in range(3):
        live.session()
    with live.client() as client:
        assert client.post("/v1/sessions").status_code == 503
    expect(total(page, "Refused")).to_have_text("1")
    expect(page.locator("#refused")).to_contain_text("4 sessions are open, and this server takes no more")
    mine = page.locator("#sessions tbody tr", has_text=session["id"][:8])
    mine.get_by_role("button", name="End").click()
    mine.get_by_role("button", name="Really end").click()
    expect(page.locator("#sessions tbody tr")).to_have_count(3)
    with live.client() as client:
        assert client.get(f"/v1/sessions/{session['id']}").status_code == 404


def test_one_click_ends_nothing(page, live):
    session = live.session()
    page.goto(f"{live.url}/admin")
    page.get_by_role("button", name="End").click()
    expect(page.get_by_role("button", name="Really end")).to_be_focused()
    expect(page.get_by_role("button", name="End", exact=True)).to_be_visible(timeout=6000)
    with live.client() as client:
        assert client.get(f"/v1/sessions/{session['id']}").status_code == 200


def test_it_opens_with_the_key_of_operators_alone(chromium):
    with running(Watched(MockFaces(PORTRAITS)), access=Access(key=KEY, admin_key=ADMIN)) as live:
        page = chromium.new_page()
        page.goto(f"{live.url}/admin#key={KEY}")
        expect(page.get_by_text("the admin key is needed here")).to_be_visible()
        expect(page.locator("#told")).to_be_hidden()
        page.get_by_label("Admin key").fill(ADMIN)
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_text("Nobody is here.")).to_be_visible()
        page.reload()
        expect(page.get_by_text("Nobody is here.")).to_be_visible()
        assert KEY not in page.url
        page.close()


def test_a_server_without_such_a_key_says_how_to_give_it_one(chromium):
    with running(Watched(MockFaces(PORTRAITS)), access=Access(key=KEY)) as live:
        page = chromium.new_page()
        page.goto(f"{live.url}/admin#key={KEY}")
        expect(page.get_by_text("start the server with DITTO_LIVE_ADMIN_KEY")).to_be_visible()
        page.close()


def test_a_server_that_has_gone_is_said_and_how_old_the_figures_are(chromium):
    with command("--mock", workers=0) as live:
        page = chromium.new_page()
        page.goto(f"{live.url}/admin")
        expect(page.get_by_text("Nobody is here.")).to_be_visible()
        live.process.kill()
        expect(page.locator("#state")).to_contain_text(
            "The server cannot be reached. Figures are", timeout=8000
        )
        page.close()


@pytest.fixture(scope="module")
def busy(chromium, tmp_path_factory):
    """A server with a viewer, idle sessions, a recording, a broadcast that failed, and a refusal."""
    outputs = OutputSettings(
        record=str(tmp_path_factory.mktemp("talks")), push="rtmp://127.0.0.1:9/live/face"
    )
    with running(Watched(MockFaces(PORTRAITS)), Limits(max_sessions=4), outputs=outputs) as live:
        viewer = chromium.new_page()
        viewer.goto(live.url)
        start(viewer)
        for avatar in ("drawn-man", "drawn-woman", "drawn-man"):
            live.session(avatar=avatar)
        with live.client() as client:
            client.post("/v1/sessions")
        yield live
        viewer.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("shape", "width", "height"), [("wide", 1280, 800), ("narrow", 390, 844)])
def test_nothing_of_it_is_cut_off_at_any_width(chromium, busy, tmp_path, scheme, shape, width, height):
    """Screenshots lie in SCREENSHOTS, where that is set, for somebody to look at."""
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": height})
    page = context.new_page()
    page.goto(f"{busy.url}/admin")
    expect(column(page, "Processor").first).to_contain_text("%", timeout=8000)
    page.screenshot(path=folder / f"admin_{shape}_{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
