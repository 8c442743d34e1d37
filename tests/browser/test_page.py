"""The page as somebody sees and uses it."""

import os
import re
import signal
from pathlib import Path

import pytest
from playwright.sync_api import expect

from ditto_server.live.access import Access
from ditto_server.live.faces import MockFaces
from tests.browser.seen import listen, loudness, moves, until
from tests.ditto_server.conftest import PORTRAITS, Watched, command, running

pytestmark = pytest.mark.browser
SEEN = "document.getElementById('face').videoWidth > 0"
HEARD = "document.getElementById('face').srcObject.getAudioTracks()[0].enabled"
FIRST_PICTURE = """async () => {
  const video = document.getElementById('face');
  const began = performance.now();
  const shown = new Promise((done) => video.requestVideoFrameCallback(done));
  document.getElementById('start').click();
  await shown;
  return performance.now() - began;
}"""


def start(page):
    page.get_by_role("button", name="Start").click()
    until(page, lambda: page.evaluate(SEEN))


def line(page, text):
    return page.locator("#log li", has_text=text)


def test_a_click_shows_the_face_within_a_second_or_so(page):
    expect(page.get_by_role("button", name="Start")).to_be_enabled()
    took = page.evaluate(FIRST_PICTURE)
    print(f"first picture after {took:.0f} ms")
    assert took < 3000
    expect(page.locator("#state")).to_have_text("all is well")


def test_typed_text_is_captioned_spoken_and_done(page):
    start(page)
    page.get_by_label("Text to say").fill("Good day to you")
    page.keyboard.press("Enter")
    expect(page.locator("#caption")).to_have_text("Good day to you")
    expect(line(page, "Good day to you")).to_have_attribute("data-state", "speaking")
    expect(line(page, "Good day to you")).to_have_attribute("data-state", "spoken")
    expect(page.locator("#caption")).to_be_hidden()


def test_an_interruption_silences_the_page_and_is_marked(page):
    start(page)
    page.get_by_label("Text to say").fill("a rather long text that goes on and on " * 3)
    page.keyboard.press("Enter")
    expect(page.locator("#caption")).to_be_visible()
    page.keyboard.press("Escape")
    expect(line(page, "a rather long text")).to_have_attribute("data-state", "interrupted")
    assert page.evaluate(HEARD) is False
    until(page, lambda: page.evaluate(HEARD))


def test_the_microphone_speaks_through_the_face_and_is_listened_to(page, live):
    start(page)
    page.get_by_role("button", name="Talk through it").click()
    expect(page.get_by_role("button", name="Talk through it")).to_have_attribute("aria-pressed", "true")
    face = live.source.faces[0]
    until(page, lambda: face._utterances > 0)
    page.get_by_role("button", name="Talk to it").click()
    expect(page.locator("#stage")).to_have_class(re.compile("listening"))
    page.get_by_role("button", name="Microphone off").click()
    expect(page.get_by_role("button", name="Microphone off")).to_have_attribute("aria-pressed", "true")


def test_a_sound_file_is_spoken(page, live, voice):
    start(page)
    page.locator("#file").set_input_files(str(voice))
    expect(line(page, "voice.wav")).to_be_visible()
    until(page, lambda: live.source.faces[0]._utterances == 1)


def test_a_file_without_sound_is_refused_in_words(page):
    start(page)
    page.locator("#file").set_input_files(str(Path(__file__)))
    expect(line(page, "this browser cannot read a sound in it")).to_be_visible()


def test_gestures_and_feelings_reach_the_face(page, live):
    start(page)
    page.get_by_text("Gestures and feelings").click()
    page.get_by_role("button", name="Nod", exact=True).click()
    until(page, lambda: live.source.faces[0]._doing == "nod")
    page.get_by_role("button", name="Happy").click()
    until(page, lambda: live.source.faces[0]._doing == "Happy")


def test_figures_are_measured(page):
    start(page)
    page.get_by_text("Figures").click()
    expect(page.locator("#figures")).to_contain_text("H264", timeout=8000)

    def told():
        names, values = (page.locator(f"#figures {tag}").all_inner_texts() for tag in ("dt", "dd"))
        return dict(zip(names, values, strict=False))

    def in_step():
        offset = told().get("Sound after picture", "–").split()[0]
        return offset != "–" and abs(float(offset)) < 45

    until(page, in_step, 400)
    print(told())
    assert float(told()["Frames a second"]) > 20


def test_a_reload_keeps_the_session(page, live):
    start(page)
    page.reload()
    until(page, lambda: page.evaluate(SEEN))
    expect(page.locator("#welcome")).to_be_hidden()
    assert len(live.source.faces) == 1


def test_a_session_that_is_over_says_why_and_another_can_be_started(page, live):
    start(page)
    session = page.evaluate("document.documentElement.dataset.session")
    with live.client() as client:
        client.delete(f"/v1/sessions/{session}")
    expect(page.get_by_role("heading", name="The session is over")).to_be_visible()
    expect(page.locator("#welcome-text")).to_have_text("It has ended: it was ended.")
    start(page)
    until(page, lambda: len(live.source.faces) == 2)
    page.complaints.clear()


def test_a_connection_that_is_lost_is_joined_again_and_nothing_is_missed(chromium, live):
    page = chromium.new_page()
    ways = []

    def through(way):
        ways.append(way)
        server = way.connect_to_server()
        way.on_message(server.send)
        server.on_message(way.send)

    page.route_web_socket(re.compile("/ws"), through)
    page.goto(live.url)
    start(page)
    page.get_by_label("Text to say").fill("one and two and three")
    page.keyboard.press("Enter")
    expect(line(page, "one and two")).to_have_attribute("data-state", "speaking")
    ways[0].close(code=3001)
    until(page, lambda: len(ways) == 2)
    expect(line(page, "one and two")).to_have_attribute("data-state", "spoken")
    expect(page.locator("#state")).to_have_text("all is well")
    assert len(live.source.faces) == 1
    page.close()


def test_a_way_for_media_that_is_blocked_is_said_in_words(chromium, live):
    page = chromium.new_page()
    page.add_init_script(
        "RTCPeerConnection.prototype.setRemoteDescription = function () { return Promise.resolve(); };"
    )
    page.goto(live.url)
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#checks")).to_contain_text("UDP between this browser and the server", timeout=12_000)
    expect(page.locator("#checks")).to_contain_text("Picture and sound come by WebSocket instead")
    until(page, lambda: moves(page, "document.getElementById('face')"))
    page.get_by_role("button", name="Talk to it").click()
    expect(page.locator("#checks")).to_contain_text("The microphone needs WebRTC")
    page.get_by_label("Text to say").fill("still here")
    page.keyboard.press("Enter")
    expect(line(page, "still here")).to_have_attribute("data-state", "spoken")
    page.close()


def test_picture_and_sound_come_by_websocket_where_the_address_says_so(chromium, live):
    page = chromium.new_page()
    page.add_init_script("delete window.RTCPeerConnection")
    page.goto(f"{live.url}/?transport=mp4")
    start(page)
    video = "document.getElementById('face')"
    until(page, lambda: moves(page, video))
    assert page.evaluate(f"{video}.srcObject") is None
    listen(page, video)
    assert loudness(page) < 0.001
    page.get_by_label("Text to say").fill("Good day to you, and to all the others")
    page.keyboard.press("Enter")
    until(page, lambda: loudness(page) > 0.01)
    behind = page.evaluate(f"{video}.buffered.end({video}.buffered.length - 1) - {video}.currentTime")
    print(f"shown {1000 * behind:.0f} ms after it is received")
    assert behind < 1
    page.keyboard.press("Escape")
    until(page, lambda: loudness(page) < 0.001)
    expect(line(page, "Good day to you")).to_have_attribute("data-state", "interrupted")
    page.close()


def test_a_websocket_of_pictures_that_is_lost_is_joined_again(chromium, live):
    page = chromium.new_page()
    ways = []

    def through(way):
        ways.append(way)
        server = way.connect_to_server()
        server.on_message(way.send)

    page.route_web_socket(re.compile("/mp4"), through)
    page.goto(f"{live.url}/?transport=mp4")
    start(page)
    before = page.evaluate("document.getElementById('face').src")
    ways[0].close(code=3001)
    until(page, lambda: len(ways) == 2)
    until(page, lambda: page.evaluate("document.getElementById('face').src") != before)
    until(page, lambda: moves(page, "document.getElementById('face')"))
    page.close()


def test_a_microphone_that_is_refused_is_said_in_words(chromium, live):
    page = chromium.new_page()
    page.add_init_script(
        "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError') }"
    )
    page.goto(live.url)
    start(page)
    page.get_by_role("button", name="Talk to it").click()
    expect(page.locator("#checks")).to_contain_text("The microphone was refused")
    expect(page.get_by_role("button", name="Microphone off")).to_have_attribute("aria-pressed", "true")
    page.close()


def test_a_key_is_asked_for_or_taken_from_the_address(chromium):
    key = "a-key-of-letters"
    with running(Watched(MockFaces(PORTRAITS[:1])), access=Access(key=key)) as live:
        page = chromium.new_page()
        page.goto(live.url)
        expect(page.get_by_role("heading", name="This server needs a key")).to_be_visible()
        page.get_by_label("Key").fill(key)
        page.get_by_role("button", name="Start").click()
        expect(page.get_by_role("heading", name="A face to talk to")).to_be_visible()
        start(page)
        page.close()
        page = chromium.new_page()
        page.goto(f"{live.url}/#key={key}")
        start(page)
        assert key not in page.url
        page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("shape", "width", "height"), [("wide", 1280, 800), ("narrow", 390, 844)])
def test_nothing_is_cut_off_at_any_width(chromium, live, tmp_path, scheme, shape, width, height):
    """Screenshots lie in SCREENSHOTS, where that is set, for somebody to look at."""
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": height})
    page = context.new_page()
    page.goto(live.url)
    expect(page.get_by_role("button", name="Start")).to_be_enabled()
    page.screenshot(path=folder / f"welcome_{shape}_{scheme}.png")
    start(page)
    page.get_by_label("Text to say").fill("Hello there, this is a line of text that is spoken now")
    page.keyboard.press("Enter")
    expect(page.locator("#caption")).to_be_visible()
    page.screenshot(path=folder / f"talking_{shape}_{scheme}.png")
    for summary in page.locator("summary").all():
        summary.click()
    page.wait_for_timeout(1500)
    page.screenshot(path=folder / f"open_{shape}_{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_a_face_whose_process_is_killed_is_seen_again_without_a_click(chromium):
    """Failed requests of that moment stand in the console, so nothing is said of it here."""
    context = chromium.new_context(permissions=["microphone"])
    with command("--mock") as live:
        page = context.new_page()
        page.goto(live.url)
        start(page)
        page.wait_for_timeout(1000)
        session = page.evaluate("document.documentElement.dataset.session")
        stream = "document.getElementById('face').srcObject.id"
        before = page.evaluate(stream)
        os.kill(live.process_of({"id": session}), signal.SIGKILL)
        until(page, lambda: page.evaluate(stream) != before and page.evaluate(SEEN))
        expect(page.locator("#state")).to_have_text("all is well")
        assert page.evaluate("document.documentElement.dataset.session") == session
        page.get_by_label("Text to say").fill("Good day to you")
        page.keyboard.press("Enter")
        expect(line(page, "Good day to you")).to_have_attribute("data-state", "spoken")
        context.close()
