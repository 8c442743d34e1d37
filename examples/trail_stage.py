"""A stage of one's own: each picture keeps a trail of those before it.

.venv/bin/python examples/trail_stage.py    # makes output/trail.mp4
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2

from ditto import Engine
from ditto.arrays import Image
from ditto.stages.messages import Picture

EXAMPLES = Path(__file__).parent
TRAIL_SHARE = 0.6  # of a picture that is the trail


class Trail:
    """Mixes every picture with the mixture before it."""

    name = "trail"

    def __init__(self) -> None:
        self._before: Image | None = None

    def process(self, picture: Picture) -> Iterator[Picture]:
        image = picture.image
        if self._before is not None:
            image = cv2.addWeighted(self._before, TRAIL_SHARE, image, 1 - TRAIL_SHARE, 0)
        self._before = image
        yield dataclasses.replace(picture, image=image)

    def flush(self) -> Iterable[Picture]:
        return ()  # nothing is held back

    def interrupt(self, turn: int) -> None:
        self._before = None


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--portrait", default=EXAMPLES / "grace_hopper.jpg", type=Path)
    parser.add_argument("--sound", default=EXAMPLES / "speech.flac", type=Path)
    parser.add_argument("--output", default=Path("output/trail.mp4"), type=Path)
    wanted = parser.parse_args()
    with Engine.load("mini") as engine:
        engine.add_stage("putback", Trail)
        engine.render(engine.register(wanted.portrait), wanted.sound, wanted.output)
    print(wanted.output)


if __name__ == "__main__":
    main()
