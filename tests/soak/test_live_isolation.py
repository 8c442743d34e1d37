"""Eight sessions at once, each with a tone, a word and a colour of its own: none meets another's.

`make soak` gives it ten minutes; DITTO_LIVE_SECONDS says another length, DITTO_LIVE_SEED repeats a run.
"""

import asyncio
import contextlib
import os
import random
import time
from collections import Counter

import cv2
import numpy as np
import pytest

from tests.ditto_server.conftest import EXAMPLES, command
from tests.soak.visitors import Gone, Watcher, Wire, client_of

SECONDS = float(os.environ.get("DITTO_LIVE_SECONDS", "600"))
SEED = int(os.environ.get("DITTO_LIVE_SEED") or random.SystemRandom().randrange(10**6))

STRANGERS = 8
COLOURS = np.float32(
    [
        *((200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40)),
        *((200, 40, 200), (40, 200, 200), (235, 235, 235), (25, 25, 25)),
    ]
)
CLOSE = 30  # of 255, within which a colour is that one
SIDE = 320  # pixels of a portrait
RATE = 16_000
TONES = 400.0 + 150.0 * np.arange(STRANGERS)  # Hz, that are sent
WORDS = [f"aa{chr(ord('a') + number)}" for number in range(STRANGERS)]
WORD_TONES = 160.0 + 12 * (np.array([sum(map(ord, word)) for word in WORDS]) % 12)  # of the mock's voice
ALL_TONES = np.concatenate([TONES, WORD_TONES])
LOUD = 0.03
HEARD = 5  # packets of sound that are judged together
LOBE, PURE = 20.0, 0.98  # Hz around a tone, and the share of the power there where it is one tone


@pytest.fixture
def portraits(tmp_path):
    """A person before eight colours."""
    image = cv2.resize(cv2.imread(str(EXAMPLES / "drawn_woman.jpg")), (SIDE, SIDE))
    files = []
    for number, colour in enumerate(COLOURS):
        painted = image.copy()
        painted[-SIDE // 8 :, : SIDE // 8] = colour[::-1]
        files.append(tmp_path / f"colour-{number}.png")
        assert cv2.imwrite(str(files[-1]), painted)
    return files


class Stranger:
    """Comes, speaks, interrupts and goes at random, and judges all that is shown and told to it."""

    def __init__(self, live, number, chance, speaks):
        self.live, self.number, self.chance, self.speaks = live, number, chance, speaks
        self.seen = Counter()
        self.crossed = []
        self._loud = []

    async def until(self, end):
        while time.monotonic() < end:
            with contextlib.suppress(Gone):
                await self.visit(end)

    async def visit(self, end):
        async with client_of(self.live) as client:
            made = await client.post("/v1/sessions", json={"avatar": f"colour-{self.number}"})
            if made.status_code in (429, 503):  # more than thirty in a minute, or short of processor time
                await asyncio.sleep(1)
                return
            assert made.status_code == 201, made.text
            described = made.json()
            session = {**described, "socket": self.live.url.replace("http", "ws") + described["links"]["ws"]}
            self.seen["sessions"] += 1
            whep = self.number % 3 == 2
            async with Wire(session, self.told) as wire:
                async with Watcher(
                    self.live,
                    session["links"],
                    picture=self.picture,
                    sound=self.sound,
                    told=self.told,
                    whep=whep,
                ):
                    for _ in range(self.chance.randint(2, 8)):
                        if time.monotonic() < end:
                            await self.act(wire)
                if self.chance.random() < 0.5:
                    await client.delete(f"/v1/sessions/{session['id']}")
                    self.seen["ended"] += 1
            await client.delete(f"/v1/sessions/{session['id']}")

    async def act(self, wire):
        kind = self.chance.choice(["tone", "tone", "word", "interrupt"])
        if kind == "tone":
            await wire.send(self.tone(self.chance.uniform(0.3, 3)))
            await wire.ask(type="flush")
        elif kind == "word" and self.speaks:
            text = " ".join([WORDS[self.number] * 3] * self.chance.randint(1, 3))
            assert (await wire.ask(type="say", text=text))["type"] in ("done", "problem")
        elif kind == "interrupt":
            await wire.ask(type="interrupt")
        self.seen[kind] += 1
        await asyncio.sleep(self.chance.uniform(0.1, 2.5))

    def tone(self, seconds):
        times = np.arange(round(seconds * RATE)) / RATE
        wave = 0.3 * np.sin(2 * np.pi * TONES[self.number] * times)
        return (32767 * wave).astype("<i2").tobytes()

    def told(self, event):
        self.seen["events"] += 1
        for number, word in enumerate(WORDS):
            if number != self.number and word in str(event):
                self.crossed.append(f"{self.number} was told {event}")

    def picture(self, frame):
        image = frame.to_ndarray(format="rgb24")
        corner = image[-image.shape[0] // 12 :, : image.shape[1] // 12].reshape(-1, 3).mean(axis=0)
        far = np.abs(COLOURS - corner).max(axis=1)
        self.seen["pictures"] += 1
        self.seen["own pictures"] += bool(far[self.number] < CLOSE)
        if far.argmin() != self.number and far.min() < CLOSE:
            self.crossed.append(f"{self.number} saw the colour of {far.argmin()}")

    def sound(self, frame):
        samples = frame.to_ndarray().reshape(-1, 2)[:, 0] / 32768
        if np.sqrt(np.mean(samples**2)) < LOUD:
            self._loud = []
            return
        self._loud.append(samples)
        if len(self._loud) < HEARD:
            return
        heard = np.concatenate(self._loud)
        self._loud = []
        power = np.abs(np.fft.rfft(heard * np.hanning(len(heard)), 16 * len(heard))) ** 2
        rates = np.fft.rfftfreq(16 * len(heard), 1 / frame.sample_rate)
        tone = rates[np.argmax(power)]
        if power[np.abs(rates - tone) < LOBE].sum() < PURE * power.sum():
            return  # where one syllable ends and the next begins
        nearest = int(np.abs(ALL_TONES - tone).argmin())
        self.seen["tones"] += 1
        if nearest % STRANGERS != self.number:
            self.crossed.append(f"{self.number} heard {tone:.0f} Hz, of {nearest % STRANGERS}")


def met(live, seconds, speaks):
    """Strangers that have lived beside each other for so long."""

    async def living():
        strangers = [
            Stranger(live, number, random.Random(SEED + number), speaks) for number in range(STRANGERS)
        ]
        end = time.monotonic() + seconds
        await asyncio.gather(*(stranger.until(end) for stranger in strangers))
        return strangers

    print(f"\nseed {SEED}")
    strangers = asyncio.run(living())
    total = sum((stranger.seen for stranger in strangers), Counter())
    print(dict(total))
    return strangers, total


def judged(strangers, total):
    assert [found for stranger in strangers for found in stranger.crossed] == []
    for stranger in strangers:
        assert all(stranger.seen[kind] for kind in ("sessions", "pictures", "tones", "events")), stranger.seen
    assert total["own pictures"] > 0.95 * total["pictures"]


@pytest.mark.full
def test_no_tone_word_or_picture_crosses_over_in_twenty_seconds(portraits):
    with command("--mock", *map(str, portraits)) as live:
        judged(*met(live, 20, speaks=True))


@pytest.mark.soak
@pytest.mark.timeout(SECONDS + 120)
@pytest.mark.parametrize("faces", ["mock", "engine"])
def test_no_tone_word_or_picture_crosses_over_in_minutes(portraits, faces):
    with command(*(["--mock"] if faces == "mock" else []), *map(str, portraits)) as live:
        with live.client() as client:
            speaks = faces == "mock" and client.get("/v1/avatars").json()["speaks"]
        judged(*met(live, SECONDS / 2, speaks))


def test_another_tone_word_or_picture_is_noticed():
    stranger = Stranger(None, 0, random.Random(0), True)
    other = Stranger(None, 1, random.Random(0), True)
    stranger.told({"type": "caption", "text": WORDS[1] * 3})
    stranger.picture(Shown(np.full((64, 64, 3), COLOURS[1], np.uint8)))
    heard = np.frombuffer(other.tone(0.2), "<i2")
    for piece in np.split(np.repeat(heard, 2), 10):
        stranger.sound(Shown(piece))
    assert [found.split()[1] for found in stranger.crossed] == ["was", "saw", "heard", "heard"]


class Shown:
    """A frame as aiortc gives it."""

    sample_rate = RATE

    def __init__(self, values):
        self._values = values

    def to_ndarray(self, format=None):
        return self._values
