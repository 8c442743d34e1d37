"""Draws the pictures of docs/scripting.md: gestures at their height, emotions, the example script over time.

python scripts/draw_scripting_sheets.py [folder]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from cfg.settings import EMOTIONS
from ditto.arrays import Floats
from ditto.motion.emotion import emotion_weights
from ditto.motion.gestures import GESTURES, Gesture
from ditto.motion.script import Script
from ditto.motion.script_picture import timeline_picture
from ditto.motion.vector import EXPRESSION, to_vector
from ditto.source.avatar import RegisteredAvatar
from ditto.stages.messages import Motion
from ditto.stages.stitch import Stitch
from stream_pipeline.engine import Engine
from stream_pipeline.plan import silent_rows

EXAMPLES = Path("examples")
PORTRAITS = ("drawn_woman.jpg", "drawn_man.jpg", "grace_hopper.jpg")
HEIGHT = 0.45  # share of a gesture at which it is caught
ROOM = 1.5  # side of a tile in face sizes
QUALITY = 86

Picture = npt.NDArray[np.uint8]


class Sitter:
    """A registered portrait, painted pose by pose."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._pack, self._settings = engine.pack, engine.settings
        self.avatar: RegisteredAvatar = engine.register(EXAMPLES / name)
        self.is_image = True
        self.still = to_vector(self.avatar.first.motion)
        self._parts = self._pack.warper(), self._pack.decoder(), self._pack.compositor(self._settings)

    def frame(self, index: int) -> object:
        return self.avatar.first

    def gesture(self, name: str) -> Picture:
        made = Gesture.of(name, 0.0)
        return self._painted(made.at(HEIGHT * made.length), self.still)

    def emotion(self, name: str) -> Picture:
        """How a silent face feels, in a moment of open eyes."""
        shares = np.tile(emotion_weights([EMOTIONS.index(name)]), (80, 1))
        rows = np.concatenate([silent_rows(self._pack, self._settings, 80), shares], axis=1)
        sampler = self._pack.sampler(self._settings, self.avatar.first, 10)
        made = sampler.sample(self.still, rows.astype(np.float32), np.random.default_rng(3))
        face = self.still.copy()
        lids = made[:, EXPRESSION].reshape(80, 21, 3)[:, [13, 16], 1].sum(axis=1)
        face[EXPRESSION] = made[int(np.argmin(lids[40:])) + 40, EXPRESSION]
        return self._painted({"gaze_yaw": 0.0}, face)

    def _painted(self, controls: dict[str, float], vector: Floats) -> Picture:
        stage = Stitch(
            self,  # type: ignore[arg-type]
            self._pack.stitcher(),
            controls={0: controls},
            d0=self.still,
            face=self._pack.face,
        )
        (pose,) = stage.process(Motion(0, 0, vector))
        warper, decoder, compositor = self._parts
        return compositor(pose, decoder(pose, warper(pose)))

    def cut(self, picture: Picture, side: int) -> Picture:
        points = self.avatar.first.landmarks[:, :2]
        least, most = points.min(axis=0), points.max(axis=0)
        size = min(float((most - least).max()) * ROOM, *picture.shape[:2])
        corner = (least + most) / 2 - size * np.array([0.5, 0.54])
        left, top = np.clip(corner, 0, np.array(picture.shape[1::-1]) - size).astype(int)
        square = picture[top : top + int(size), left : left + int(size)]
        return np.asarray(cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def labelled(tile: Picture, text: str) -> Picture:
    named = np.full((tile.shape[0] + 26, tile.shape[1], 3), 250, np.uint8)
    named[26:] = tile
    cv2.putText(named, text, (4, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (38, 42, 51), 1, cv2.LINE_AA)
    return named


def save(path: Path, rows: list[list[Picture]]) -> None:
    sheet = np.vstack([np.hstack(row) for row in rows])
    cv2.imwrite(str(path), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with Engine.load("mini") as engine:
        sitters = [Sitter(engine, name) for name in PORTRAITS]
        save(
            folder / "emotions.jpg",
            [
                [labelled(sitter.cut(sitter.emotion(name), 200), name) for name in EMOTIONS]
                for sitter in sitters
            ],
        )
        first = sitters[0]
        tiles = [
            labelled(first.cut(first.gesture(name), 220), name.replace("_", " ")) for name in sorted(GESTURES)
        ]
        save(folder / "gestures.jpg", [tiles[at : at + 6] for at in range(0, len(tiles), 6)])
    page = timeline_picture(Script.load(EXAMPLES / "script.yaml"), 12, "script.yaml")
    cv2.imwrite(str(folder / "script.png"), page[..., ::-1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="draws the pictures of docs/scripting.md: gestures, emotions and the example script"
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path("docs/img"))
    main(parser.parse_args().folder)
