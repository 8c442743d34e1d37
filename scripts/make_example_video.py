"""Makes examples/astronaut_video.mp4: the astronaut looks about, without a word.

    python scripts/make_example_video.py [output]

Four seconds in which only head and eyes move, to try a video in place of a portrait. Its sound is silence.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np

from ditto.media.sound import Sound, Track
from ditto.rates import SAMPLES_PER_FRAME
from stream_pipeline.engine import Engine

PORTRAIT = Path("examples/astronaut.jpg")
FRAMES = 100  # 4 s
TURN, NOD, TILT = 8.0, 3.0, 2.5  # degrees at most


def looking_about(frame: int) -> dict[str, float]:
    """Controls of one frame: the head starts and ends where the portrait has it."""
    phase = 2 * math.pi * frame / FRAMES
    return {
        "delta_yaw": TURN * math.sin(phase),
        "delta_pitch": NOD * math.sin(2 * phase),
        "delta_roll": TILT * math.sin(phase) ** 3,
        "vad_alpha": 0.0,
    }


def main(output: Path) -> None:
    silence = np.zeros(FRAMES * SAMPLES_PER_FRAME, np.float32)
    controls = {frame: looking_about(frame) for frame in range(FRAMES)}
    with Engine.load("mini", output={"preset": "slow"}, stitch={"controls": controls}) as engine:
        engine.render(engine.register(PORTRAIT), Sound(silence, Track(silence)), output)
    print(f"{output}: {output.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="the astronaut looks about, without a word")
    parser.add_argument("output", nargs="?", type=Path, default=Path("examples/astronaut_video.mp4"))
    main(parser.parse_args().output)
