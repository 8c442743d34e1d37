"""Real Chromium before the real page: `make browser-check`."""

import wave

import numpy as np
import pytest

pytest.importorskip("playwright", reason="the package playwright drives the browser")
pytest.importorskip("aiortc", reason="aiortc needs Python 3.11 or newer")

from playwright.sync_api import sync_playwright

from benchmarks.live_check.browser import launched, program
from ditto_server.live.faces import MockFaces
from ditto_server.live.limits import Limits
from tests.ditto_server.conftest import PORTRAITS, Watched, running


@pytest.fixture(scope="session")
def voice(tmp_path_factory):
    """Half a second of a tone and as long a pause, which is also what the microphone hears, over and over."""
    file = tmp_path_factory.mktemp("voice") / "voice.wav"
    times = np.arange(48_000) / 48_000
    tone = 9000 * np.sin(2 * np.pi * 300 * times) * (times < 0.5)
    with wave.open(str(file), "wb") as written:
        written.setparams((1, 2, 48_000, 0, "NONE", ""))
        written.writeframes(tone.astype("<i2").tobytes())
    return file


@pytest.fixture(scope="session")
def launch():
    """Chromium whose microphone is a file."""
    file = program()
    if file is None:
        pytest.skip("no Chromium: install Debian's package chromium, or name one by CHROMIUM")
    with sync_playwright() as playwright:
        yield lambda microphone: launched(playwright, file, microphone)


@pytest.fixture(scope="session")
def chromium(launch, voice):
    browser = launch(voice)
    yield browser
    browser.close()


@pytest.fixture
def live():
    with running(Watched(MockFaces(PORTRAITS)), Limits(max_sessions=4, sessions_per_minute=600)) as served:
        yield served


@pytest.fixture
def page(chromium, live):
    """The page, before Start; whatever its console complains of fails the test."""
    context = chromium.new_context(permissions=["microphone"])
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda said: said.type == "error" and page.complaints.append(said.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.goto(live.url)
    yield page
    context.close()
    assert page.complaints == []
