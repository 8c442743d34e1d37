"""Draws docs/img/dubbing.jpg and docs/img/blending.jpg from the bundled examples.

python scripts/make_video_sheets.py [folder]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ditto.media.sound import read_sound, shortened
from ditto.media.video import VideoSource
from ditto.rates import SAMPLES_PER_FRAME
from ditto.source.avatar import RegisteredAvatar
from ditto.source.registered import bounce
from stream_pipeline.engine import Engine
from stream_pipeline.session import Session

EXAMPLES = Path("examples")
VIDEO, PORTRAIT, SPEECH = EXAMPLES / "astronaut_video.mp4", EXAMPLES / "grace_hopper.jpg", "speech.flac"
DUBBED = (10, 25, 48, 60, 90, 139)  # frames of the bundled speech
BLENDED = (10, 25)
ROOM = 1.3  # side of a tile in face sizes
TILE = 220  # pixels
BLENDS: dict[str, dict[str, Any]] = {
    "head, blend": {},
    "head, weak": {"mode": "weak"},
    "mouth": {"region": "mouth"},
    "lower_face": {"region": "lower_face"},
    "lower_face, strong": {"region": "lower_face", "mode": "strong"},
    "face": {"region": "face"},
}

Picture = npt.NDArray[np.uint8]


def speaking(
    engine: Engine, avatar: RegisteredAvatar, frames: tuple[int, ...], blend: dict[str, Any]
) -> list[Picture]:
    voice = shortened(read_sound(EXAMPLES / SPEECH), (max(frames) + 1) * SAMPLES_PER_FRAME)
    settings = engine.with_settings({"blend": blend})
    with Session(engine.pack, avatar, settings, sound=voice.pieces(), length=max(frames) + 1) as session:
        return [picture.image for picture in session.pictures() if picture.index in frames]


def cut(picture: Picture, landmarks: npt.NDArray[np.float32], words: str = "") -> Picture:
    low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    side = int(float((high - low).max()) * ROOM)
    left, top = np.maximum((low + high) / 2 - side / 2, 0).astype(int)
    tile = cv2.resize(
        picture[top : top + side, left : left + side], (TILE, TILE), interpolation=cv2.INTER_AREA
    )
    cv2.putText(tile, words, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 0), 1, cv2.LINE_AA)
    return np.asarray(tile, np.uint8)


def save(path: Path, rows: list[list[Picture]]) -> None:
    sheet = np.vstack([np.hstack(row) for row in rows])
    cv2.imwrite(str(path), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 84])
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def main(folder: Path) -> None:
    with Engine.load("mini") as engine:
        avatar = engine.register(VIDEO)
        points = avatar.first.landmarks
        with VideoSource(VIDEO, fps=25) as video:
            own = [cut(video.frame(bounce(n, video.count)), points) for n in DUBBED]
        said = [cut(picture, points) for picture in speaking(engine, avatar, DUBBED, {})]
        save(folder / "dubbing.jpg", [own, said])
        portrait = engine.register(PORTRAIT)
        rows = []
        for words, blend in BLENDS.items():
            pictures = speaking(engine, portrait, BLENDED, blend)
            pictures += speaking(engine, portrait, BLENDED[-1:], {**blend, "show_mask": True})
            rows.append([cut(picture, portrait.first.landmarks, words) for picture in pictures])
        save(
            folder / "blending.jpg", [left + right for left, right in zip(rows[::2], rows[1::2], strict=True)]
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="draws docs/img/dubbing.jpg and docs/img/blending.jpg from the bundled examples"
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path("docs/img"))
    main(parser.parse_args().folder)
