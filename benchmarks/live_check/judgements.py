"""Judgements on a visit: what was measured, what it may be, and whether it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.live_check import measures
from benchmarks.live_check.lips import Lips
from benchmarks.live_check.recording import Pictures, Recording, Said, Sounds
from ditto.arrays import Numbers

FIRST_PICTURE = 1000.0  # milliseconds, as are all times here
ANSWER = 1000.0
BACK = 2000.0
GAP = 40.0
STILL = 200.0  # what browsers count as a freeze at 25 frames a second, or nearly
RATE = 24.9, 25.1
LATE = 0.5  # percent
REPEATED = 0.0  # percent
FOLLOWS = 0.25  # the engine's own pictures reach 0.43: not every syllable opens the mouth as wide
IN_STEP = 45.0
IN_STEP_SHARE = 95.0  # percent
INTERRUPTED = 200.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """One line of the verdict."""

    name: str
    value: float | None  # None: it could not be measured
    unit: str
    least: float
    most: float
    reason: str = ""  # why it could not be measured

    @property
    def passed(self) -> bool:
        return self.value is not None and self.least <= self.value <= self.most

    @property
    def failed(self) -> bool:
        return self.value is not None and not self.passed

    def __str__(self) -> str:
        low, high = np.isfinite(self.least), np.isfinite(self.most)
        limit = (
            f"{self.least:g} to {self.most:g}" if low and high
            else f"at most {self.most:g}" if high else f"at least {self.least:g}"
        )  # fmt: skip
        if self.value is None:
            return f"{self.name:<44} {'–':>8} {self.unit:<4} {limit:<16} not measured: {self.reason}"
        verdict = "pass" if self.passed else "FAIL"
        return f"{self.name:<44} {self.value:8.2f} {self.unit:<4} {limit:<16} {verdict}"


def most(name: str, value: float | None, limit: float, unit: str = "ms", reason: str = "") -> Judgement:
    return Judgement(name, value, unit, -np.inf, limit, reason)


def least(name: str, value: float | None, limit: float, unit: str = "", reason: str = "") -> Judgement:
    return Judgement(name, value, unit, limit, np.inf, reason)


def judged(found: Recording, lips: Lips) -> list[Judgement]:
    """All judgements on a visit, in its order."""
    assert found.pictures is not None and found.sounds is not None and found.speech is not None
    assert found.greeting is not None and found.reply is not None and found.syllables is not None
    sounds = found.sounds
    pictures = found.pictures.between(found.syllables.at, np.inf)
    opening = lips.openings(pictures.grey)
    return [
        most("first picture after the click", found.first_picture, FIRST_PICTURE),
        *answers("greeting", found.greeting, sounds),
        least("voice in the microphone is noticed", float(found.noticed), 1),
        *answers("reply", found.reply, sounds),
        most("voice: longest gap in an utterance", measures.longest_gap(found.speech, sounds), GAP),
        *moves(pictures),
        *lips_follow(pictures, opening, found.syllables, sounds),
        *interruptions(pictures, opening, found.stopped, sounds),
        least("reload: the session is kept", float(found.kept), 1),
        most("reload: the picture is back", found.back, BACK),
    ]


def answers(name: str, said: Said, sounds: Sounds) -> Iterator[Judgement]:
    after = measures.delay(said, sounds)
    yield least(f"{name} is heard", float(after is not None), 1)
    yield most(f"{name}: heard after it was sent", after, ANSWER, reason="it was not heard")


def moves(pictures: Pictures) -> Iterator[Judgement]:
    still = measures.longest_still(pictures)
    yield most("face: longest time without a new picture", still, STILL)
    yield Judgement("pictures a second", measures.rate(pictures), "", *RATE)
    yield most("pictures that are late", 100 * measures.late_share(pictures), LATE, "%")
    frozen = still > 10 * STILL
    repeated = None if frozen else 100 * measures.repeated_share(pictures)
    yield most("frames that show the picture before", repeated, REPEATED, "%", "the face is frozen")


def lips_follow(pictures: Pictures, opening: Numbers, said: Said, sounds: Sounds) -> Iterator[Judgement]:
    """The mouth against the voice."""
    names = "mouth: correlation with the voice", "lips: sound is behind them by"
    seen = np.isfinite(opening)
    end = min(said.until, float(pictures.at[-1]))
    if measures.shut_below(opening) is None:
        reason = "the mouth never opens"
        yield least(names[0], None, FOLLOWS, reason=reason)
        yield Judgement(names[1], None, "ms", -IN_STEP, IN_STEP, reason)
        return
    alike, lag = measures.follows(pictures.at[seen], opening[seen], sounds, said.at, end)
    yield least(names[0], alike, FOLLOWS)
    in_step = lag if alike >= FOLLOWS else None
    yield Judgement(names[1], in_step, "ms", -IN_STEP, IN_STEP, "the mouth does not move with the voice")


def interruptions(
    pictures: Pictures, opening: Numbers, stopped: list[tuple[float, float]], sounds: Sounds
) -> Iterator[Judgement]:
    silent = [measures.time_to_silence(sounds, *one) for one in stopped]
    name = f"interruption to {{}}, p95 of {len(stopped)}"
    reason = "nothing was interrupted"
    yield most(name.format("silence"), percentile(silent), INTERRUPTED, reason=reason)
    below = measures.shut_below(opening)
    if below is None:
        yield most(name.format("a shut mouth"), None, INTERRUPTED, reason="the mouth never opens")
        return
    shut = [measures.time_to_shut(pictures.at, opening, *one, below) for one in stopped]
    yield most(name.format("a shut mouth"), percentile(shut), INTERRUPTED, reason=reason)


def percentile(times: list[float]) -> float | None:
    return float(np.percentile(times, 95)) if times else None


def in_step(offsets: Numbers) -> Judgement:
    """The transport alone, by flash and beep."""
    share = 100 * float(np.mean(np.abs(offsets) <= IN_STEP)) if len(offsets) else None
    half = f"median {np.median(offsets):+.0f} ms" if len(offsets) else "none"
    return least(
        f"flash and beep within 45 ms ({half})", share, IN_STEP_SHARE, "%", "no flash or no beep came"
    )
