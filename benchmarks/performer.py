"""How quickly a live face answers and falls silent, over many trials in real time.

first spoken frame   from the first sample of a burst to the frame with its first sound
silence              from an interruption to the last sample of the old turn
mouth shut           from an interruption to the first picture with closed lips
typed text           from the text to the first spoken frame, with the synthesiser of the extra `tts`
late                 frames without a picture of their own
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections.abc import Iterable, Iterator

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # more would wait busily while the stages work

import numpy as np

from ditto import Engine
from ditto.media.sound import read_sound
from ditto.media.speak import speaker
from ditto.packs.mini.motion.expression_numbers import METRE, Exp
from ditto.rates import FRAME_RATE, SAMPLE_RATE
from ditto.stages.messages import Pose
from stream_pipeline.live_face import LiveFrame
from stream_pipeline.performer import Performer

SHUT_MM = 0.3
TEXTS = ("Hello there, how are you?", "I would love to tell you more.", "That is a good question.")


class Gaps:
    """Stage that keeps how far the lips are apart in each frame, in millimetres."""

    name = "gaps"

    def __init__(self, kept: dict[tuple[int, int], float]) -> None:
        self._kept = kept

    def process(self, item: Pose[object]) -> Iterator[Pose[object]]:
        self._kept[item.turn, item.index] = float(item.drive.expression.reshape(-1)[Exp.GAP] / METRE)
        yield item

    def flush(self) -> Iterable[Pose[object]]:
        return ()

    def interrupt(self, turn: int) -> None:
        """Nothing is forgotten."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--image", default="examples/drawn_woman.jpg")
    parser.add_argument("--audio", default="examples/speech.flac")
    parser.add_argument("--max-size", type=int, default=512)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--lookahead", type=int, default=4, help="frames of future sound the encoder hears")
    parser.add_argument("--hop", type=int, default=5, help="frames that it hears at once")
    parser.add_argument("--say", action="store_true", help="typed text as well")
    parsed = parser.parse_args()
    voice = read_sound(parsed.audio).samples
    gaps: dict[tuple[int, int], float] = {}
    with Engine.load("mini_online", audio={"lookahead": parsed.lookahead, "hop": parsed.hop}) as engine:
        engine.add_stage("stitch", lambda: Gaps(gaps))
        avatar = engine.register(parsed.image, max_size=parsed.max_size)
        with Performer(engine, avatar, speak=speaker(SAMPLE_RATE) if parsed.say else None) as face:
            trials = Trials(face, gaps, voice)
            trials.run(parsed.trials, parsed.say)
            figures = face.figures
    for name, times in trials.found.items():
        if times:
            half, most = np.percentile(times, [50, 95])
            row = f"p50 {half:6.0f} ms   p95 {most:6.0f} ms   most {max(times):6.0f} ms"
            print(f"{name:<20} {row}   {len(times)} trials")
    print(f"{'late':<20} {figures.late} of {figures.frames} frames, lead {figures.lead_ms:.0f} ms")


class Trials:
    """Bursts, interruptions and texts, one after another."""

    def __init__(self, face: Performer, gaps: dict[tuple[int, int], float], voice: np.ndarray) -> None:
        self._face = face
        self._gaps = gaps
        self._voice = voice
        self._frames = face.frames(timeout=10)
        self._random = random.Random(0)
        self._turns: dict[int, int] = {}  # number of each turn's first frame
        self.found: dict[str, list[float]] = {
            "first spoken frame": [], "silence": [], "mouth shut": [], "typed text": []
        }  # fmt: skip

    def run(self, count: int, say: bool) -> None:
        self._wait(3.0)
        for trial in range(count):
            self._burst(None)
            self._interrupted()
            self._wait(0.5 + self._random.random())
            if say:
                self._burst(TEXTS[trial % len(TEXTS)])
                self._face.interrupt()
                self._wait(0.5 + self._random.random())

    def _next(self) -> LiveFrame:
        frame = next(self._frames)
        self._turns.setdefault(frame.turn, frame.index if frame.turn else 0)
        return frame

    def _wait(self, seconds: float) -> None:
        for _ in range(round(seconds * FRAME_RATE)):
            self._next()
        time.sleep(self._random.random() / FRAME_RATE)

    def _burst(self, text: str | None) -> None:
        """Four seconds of speech at once, or a text."""
        began = time.perf_counter()
        if text is None:
            number = self._face.push(self._voice[: 4 * SAMPLE_RATE])
            self._face.flush()
        else:
            number = self._face.say(text)
        while self._next().utterance != number:
            pass
        name = "first spoken frame" if text is None else "typed text"
        self.found[name].append(1000 * (time.perf_counter() - began))

    def _interrupted(self) -> None:
        """In mid-speech, with the mouth open."""
        ends = time.perf_counter() + 0.4 + self._random.random()
        frame = self._next()
        while time.perf_counter() < ends or self._gap(frame) < 2 or frame.utterance is None:
            frame = self._next()
            if time.perf_counter() > ends + 3:
                return
        time.sleep(self._random.random() / FRAME_RATE)
        began, old = time.perf_counter(), frame.turn
        self._face.interrupt()
        silent = shut = None
        while silent is None or shut is None:
            frame = self._next()
            now = time.perf_counter()
            loud = np.flatnonzero(frame.sound)
            if frame.turn != old and silent is None:
                silent = now - began + (loud[-1] / SAMPLE_RATE if len(loud) else 0.0)
            if frame.turn != old and frame.image is not None and self._gap(frame) < SHUT_MM:
                shut = now - began
        self.found["silence"].append(1000 * silent)
        self.found["mouth shut"].append(1000 * shut)

    def _gap(self, frame: LiveFrame) -> float:
        return self._gaps.get((frame.turn, frame.index - self._turns[frame.turn]), np.inf)


if __name__ == "__main__":
    main()
