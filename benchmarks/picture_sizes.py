"""Processor time of a live face by the size and the rate of its pictures, encoding included.

    python -m benchmarks.picture_sizes --image examples/drawn_woman.jpg

Says what a step of the ladder saves: docs/decisions/live_ladder_without_sizes.md.
"""

from __future__ import annotations

import argparse
import itertools
import time
from dataclasses import dataclass

import cv2
import numpy as np

from ditto import Engine
from ditto.arrays import Floats, Image
from ditto.media.picture import fitted
from ditto.media.sound import read_sound
from ditto.rates import FRAME_RATE, SAMPLES_PER_FRAME
from ditto.source.avatar import AnyAvatar
from ditto_server.live.encoding import PictureEncoder
from stream_pipeline.commands.loading import leave_cores_to_stages
from stream_pipeline.performer import Performer

WARM_FRAMES = 2 * FRAME_RATE


@dataclass(frozen=True)
class Case:
    """Sizes are of the longest side, in pixels."""

    painted: int
    sent: int
    step: int  # of the ladder, which paints one of so many frames

    def __str__(self) -> str:
        return f"painted at {self.painted}, sent at {self.sent}, step {self.step}"


def cases(whole: int, half: int) -> list[Case]:
    sizes = ((whole, whole), (half, half), (half, whole), (whole, half))
    return [
        *(Case(*size, 0) for size in sizes),
        Case(whole, whole, 1),
        Case(half, half, 1),
        Case(whole, whole, 2),
    ]


def resized(image: Image, longest: int) -> Image:
    if longest <= max(image.shape[:2]):
        return fitted(image, longest)
    scale = longest / max(image.shape[:2])
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale), np.uint8)


def cost(engine: Engine, avatar: AnyAvatar, voice: Floats, case: Case, frames: int) -> tuple[float, int]:
    """Milliseconds of processor for a frame of 40 ms, and frames that were late."""
    encoder = PictureEncoder("H264")
    with Performer(engine, avatar) as face:
        face.push(np.resize(voice, (WARM_FRAMES + frames + FRAME_RATE) * SAMPLES_PER_FRAME))
        for count, frame in enumerate(face.frames(timeout=20)):
            face._performance.ladder.step = case.step
            if count == WARM_FRAMES:
                began, late = time.process_time(), face.figures.late
            if count == WARM_FRAMES + frames:
                break
            if frame.image is not None:
                encoder.encode(resized(frame.image, case.sent), frame.index)
        return 1000 * (time.process_time() - began) / frames, face.figures.late - late


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--image", default="examples/drawn_woman.jpg")
    parser.add_argument("--audio", default="examples/speech.flac")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--frames", type=int, default=175)
    parser.add_argument("--repeats", type=int, default=3)
    parsed = parser.parse_args()
    leave_cores_to_stages()
    voice = read_sound(parsed.audio).samples
    found: dict[Case, list[tuple[float, int]]] = {}
    with Engine.load("mini_online") as engine:
        half = parsed.size // 2
        avatars = {size: engine.register(parsed.image, max_size=size) for size in (parsed.size, half)}
        for _, case in itertools.product(range(parsed.repeats), cases(parsed.size, half)):
            found.setdefault(case, []).append(cost(engine, avatars[case.painted], voice, case, parsed.frames))
    usual = min(ms for ms, _ in next(iter(found.values())))
    for case, times in found.items():
        least = min(ms for ms, _ in times)
        late = sum(number for _, number in times)
        print(f"{case!s:<44} {least:5.2f} ms a frame  {100 * (least / usual - 1):+4.0f} %  {late} late")


if __name__ == "__main__":
    main()
