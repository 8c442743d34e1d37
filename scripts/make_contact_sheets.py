"""Draws docs/img/: the example portraits talking, a few frames of each.

python scripts/make_contact_sheets.py [folder]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from ditto.media.video import VideoSource
from stream_pipeline.engine import Engine

EXAMPLES = Path("examples")
PORTRAITS = ("drawn_woman.jpg", "grace_hopper.jpg", "drawn_man.jpg", "astronaut.jpg")
SPEECH = EXAMPLES / "speech.flac"
FRAMES = (10, 25, 48, 60, 75, 90, 140, 200)  # of the bundled speech: open, rounded, closed, a blink, poses
OVERVIEW = (0, 1, 2, 3, 5, 6)  # which of them stand on the sheet of all portraits
ROOM = 1.9  # side of a tile in face sizes
TILE = 300  # pixels
QUALITY = 84

Picture = npt.NDArray[np.uint8]


def talking(engine: Engine, portrait: Path, work: Path) -> list[Picture]:
    """Square cuts around the face, one for each of FRAMES."""
    avatar = engine.register(portrait)
    video = work / f"{portrait.stem}.mp4"
    engine.render(avatar, SPEECH, video)
    source = VideoSource(video)
    try:
        pictures = [source.frame(frame) for frame in FRAMES]
    finally:
        source.close()
    return [cut(picture, avatar.first.landmarks) for picture in pictures]


def cut(picture: Picture, landmarks: npt.NDArray[np.float32]) -> Picture:
    """(TILE, TILE, 3): the head with its hair, or as much as the picture has of it."""
    least, most = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    side = min(float((most - least).max()) * ROOM, *picture.shape[:2])
    corner = (least + most) / 2 - side * np.array([0.5, 0.56])
    left, top = np.clip(corner, 0, np.array(picture.shape[1::-1]) - side).astype(int)
    square = picture[top : top + int(side), left : left + int(side)]
    shrink = cv2.INTER_AREA if side > TILE else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(square, (TILE, TILE), interpolation=shrink), np.uint8)


def save(path: Path, tiles: list[Picture], columns: int, side: int) -> None:
    small = [cv2.resize(tile, (side, side), interpolation=cv2.INTER_AREA) for tile in tiles]
    rows = [np.hstack(small[at : at + columns]) for at in range(0, len(small), columns)]
    cv2.imwrite(str(path), np.vstack(rows)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    overview: list[Picture] = []
    with Engine.load("mini") as engine, tempfile.TemporaryDirectory() as work:
        for name in PORTRAITS:
            tiles = talking(engine, EXAMPLES / name, Path(work))
            save(folder / f"{Path(name).stem}.jpg", tiles, columns=4, side=TILE)
            overview += [tiles[at] for at in OVERVIEW]
    save(folder / "talking.jpg", overview, columns=len(OVERVIEW), side=TILE * 2 // 3)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="draws docs/img/: the example portraits talking, a few frames of each"
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path("docs/img"))
    main(parser.parse_args().folder)
