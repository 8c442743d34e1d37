"""What a visitor does, in the order in which it is judged."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import random
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Browser, Page

from benchmarks.live_check.caller import Caller
from benchmarks.live_check.lips import Lips
from benchmarks.live_check.measures import flash_offsets
from benchmarks.live_check.recording import Pictures, Recording, Said, Sounds
from benchmarks.live_check.voice import beeps, speech, syllables
from cfg.errors import MediaError
from ditto.arrays import Floats, Image, Numbers
from ditto.rates import SAMPLE_RATE

PROBE = Path(__file__).parent / "probe.js"
QUIET = 1.5  # seconds after an utterance, in which the last of it arrives
HEARD_SECONDS = 15.0  # in which the face notices the microphone
TRY_SECONDS = 1.4  # after an interruption, in which nothing may be heard
CHUNK = 100  # pictures that are fetched at once
BEEPS = 30
SETTLING = 6.0  # seconds after joining, in which browser and page bring sound and picture in step
READY = "!document.getElementById('start').disabled"
SEEN = "window.probe.first !== undefined"


class Visit:
    """One visitor of one server."""

    def __init__(self, browser: Browser, url: str, lips: Lips) -> None:
        self._browser, self._url, self._lips = browser, url, lips
        self._random = random.Random(0)
        self._voice = speech()

    def record(self, tries: int, seconds: float) -> Recording:
        """A whole visit: `tries` interruptions, and about so many seconds of each kind of speech."""
        self._warm_up()
        found = Recording()
        with self._page() as page:
            found.first_picture = self._start(page)
            page.evaluate("probe.hear()")
            self._look_at(page)
            with Caller(self._url, self._session(page)) as caller:
                found.greeting = self._say(page, caller, self._cut(0.0, 2.5))
                found.noticed = self._speak(page, caller)
                found.reply = self._say(page, caller, self._cut(2.0, 2.5))
                found.syllables = self._say(page, caller, syllables(self._voice, seconds))
                found.speech = self._say(page, caller, self._cut(0.0, seconds))
                for _ in range(tries):
                    self._interrupt(page, caller)
            pictures, sounds, stopped, side = page.evaluate("probe.end()")
            found.pictures = Pictures.of(pictures, self._pixels(page, len(pictures), side))
            found.sounds = Sounds.of(sounds)
            found.stopped = [(at, at + 1000 * TRY_SECONDS) for at in stopped]
            self._reload(page, found)
        return found

    def flashes(self, minutes: float) -> Numbers:
        """(n,) milliseconds by which a mock face's beeps are behind its flashes, for so long."""
        found: list[Numbers] = []
        with self._page() as page:
            self._start(page)
            page.evaluate("probe.hear()")
            page.evaluate("probe.region = [8, 8, 32]")
            with Caller(self._url, self._session(page)) as caller:
                page.wait_for_timeout(1000 * SETTLING)
                until = time.monotonic() + 60 * minutes
                while not found or time.monotonic() < until:
                    page.evaluate("probe.take()")
                    self._say(page, caller, beeps(BEEPS))
                    pictures, sounds = page.evaluate("probe.take()")
                    at, _, _, light = np.array(pictures, np.float64).reshape(-1, 4).T
                    found.append(flash_offsets(at, light, Sounds.of(sounds)))
        return np.concatenate(found)

    @contextlib.contextmanager
    def _page(self) -> Iterator[Page]:
        context = self._browser.new_context(permissions=["microphone"], bypass_csp=True)
        try:
            page = context.new_page()
            page.add_init_script(path=PROBE)
            page.goto(self._url)
            page.wait_for_function(READY)
            yield page
        finally:
            context.close()

    def _warm_up(self) -> None:
        """The first visitor waits for what is loaded once."""
        with self._page() as page:
            self._start(page)
            page.request.delete(f"{self._url}/v1/sessions/{self._session(page)}")

    def _start(self, page: Page) -> float:
        """Milliseconds from the click to the first picture."""
        page.get_by_role("button", name="Start").click()
        page.wait_for_function(SEEN)
        return float(page.evaluate("probe.first - probe.clicked"))

    @staticmethod
    def _session(page: Page) -> str:
        return str(page.evaluate("document.documentElement.dataset.session"))

    def _look_at(self, page: Page) -> None:
        """Keeps pictures of the face from now on."""
        coded = base64.b64decode(page.evaluate("probe.portrait()"))
        image: Image = np.asarray(cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_COLOR), np.uint8)
        region = self._lips.region(np.ascontiguousarray(image[..., ::-1]))
        if region is None:
            raise MediaError("no face was found in the picture that the browser shows")
        page.evaluate("(region) => (probe.region = region)", list(region))

    def _cut(self, begin: float, seconds: float) -> Floats:
        start = round(begin * SAMPLE_RATE)
        return self._voice[start : start + round(seconds * SAMPLE_RATE)]

    def _say(self, page: Page, caller: Caller, samples: Floats) -> Said:
        """An utterance from its sending to well after its end."""
        said = caller.say(samples)
        page.wait_for_timeout(1000 * (len(samples) / SAMPLE_RATE + QUIET))
        return dataclasses.replace(said, until=1000 * time.time())

    def _speak(self, page: Page, caller: Caller) -> bool:
        """Whether the face notices that the visitor spoke, and has ended."""
        page.get_by_role("button", name="Talk to it").click()
        noticed = caller.told(HEARD_SECONDS, type="listening", speaks=False)
        off = page.get_by_role("button", name="Microphone off")
        off.click()
        page.wait_for_timeout(500)
        return noticed

    def _interrupt(self, page: Page, caller: Caller) -> None:
        """In mid-speech, at any moment."""
        caller.say(self._cut(self._random.uniform(0, 6), 4.0))
        page.wait_for_timeout(self._random.uniform(800, 1600))
        page.keyboard.press("Escape")
        page.wait_for_timeout(1000 * TRY_SECONDS)

    def _pixels(self, page: Page, count: int, side: int) -> Image:
        parts = [
            base64.b64decode(page.evaluate("([a, b]) => probe.pixels(a, b)", [begin, begin + CHUNK]))
            for begin in range(0, count, CHUNK)
        ]
        return np.frombuffer(b"".join(parts), np.uint8).reshape(count, side, side)

    def _reload(self, page: Page, found: Recording) -> None:
        before, began = self._session(page), 1000 * time.time()
        page.reload()
        page.wait_for_function(SEEN)
        found.back = float(page.evaluate("probe.first")) - began
        found.kept = self._session(page) == before
