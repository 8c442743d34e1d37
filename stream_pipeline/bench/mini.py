"""What is measured of the built-in pack: each stage's work on a frame, in a whole render."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import soundfile

from ditto.rates import SAMPLE_RATE
from stream_pipeline.bench.timing import Case, Row
from stream_pipeline.engine import Engine

SECONDS = 4


def mini_rows(portrait: Path, folder: Path, repeats: int) -> list[Row]:
    """Milliseconds a frame of every stage, and of the render as a whole, one value a render."""
    times: dict[str, list[float]] = {}
    voice = babble(folder)
    with Engine.load("mini") as engine:
        avatar = engine.register(portrait)
        for number in range(repeats + 1):
            began = time.perf_counter()
            report = engine.render(avatar, voice, folder / "bench.mp4")
            took = time.perf_counter() - began
            if number == 0:
                continue  # what is compiled on first use
            for stage in report.metrics:
                times.setdefault(stage.name, []).append(1000 * stage.busy / report.frames)
            times.setdefault("end_to_end_image", []).append(1000 * took / report.frames)
    return [Row(Case(what, "mini", "fp32", ours=lambda: None), found) for what, found in times.items()]


def babble(folder: Path) -> Path:
    """A file of noise that swells like syllables, always the same."""
    generator = np.random.default_rng(0)
    loudness = np.clip(np.sin(np.arange(SECONDS * SAMPLE_RATE) * 2 * np.pi * 4 / SAMPLE_RATE), 0, 1)
    samples = (0.3 * loudness * generator.standard_normal(SECONDS * SAMPLE_RATE)).astype(np.float32)
    path = folder / "bench.wav"
    soundfile.write(path, samples, SAMPLE_RATE)
    return path
