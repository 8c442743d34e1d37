"""Draws the pictures of docs/options.md and docs/presets.md: what the options do.

python scripts/make_option_sheets.py [folder]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from cfg.preset import preset
from cfg.reading import merge
from stream_pipeline.engine import Engine

EXAMPLES = Path("examples")
SPEECH = EXAMPLES / "speech.flac"
SECONDS = 4.0
FRAMES = (10, 34, 54, 80, 94)
QUALITY = 82
LABEL = 24  # pixels of a row's caption
WHITE, DARK = (255, 255, 255), (40, 40, 40)

Picture = npt.NDArray[np.uint8]
CROPPED = {"framing": {"preprocess": "crop", "size": 200}}
CLOSE = {**CROPPED, "source": {"crop_scale": 1.6, "crop_vy_ratio": -0.06}}
PRESETS = ("default", "natural", "expressive", "professional")
STYLES: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("--still", {"still": True}),
    ("--pose-style 8 (nodding far)", {"pose_style": 8}),
    ("--pose-style 17 (turning far)", {"pose_style": 17}),
    ("--pose-style 26 (tilting far)", {"pose_style": 26}),
    ("--input-yaw 0 20 -20", {"yaw": [0, 20, -20]}),
    ("--expression-scale 0.6", {"expression_scale": 0.6}),
    ("--expression-scale 1.6", {"expression_scale": 1.6}),
)
BACKGROUNDS = (
    ("--background transparent", "transparent"),
    ("--background green", "green"),
    ("--background examples/drawn_man.jpg", "examples/drawn_man.jpg"),
    ("--background blur", "blur"),
)
FRAMINGS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("full", {}),
    ("--preprocess crop", {"preprocess": "crop"}),
    ("--preprocess extcrop", {"preprocess": "extcrop"}),
    ("--preprocess resize", {"preprocess": "resize"}),
    ("--aspect 9:16", {"aspect": "9:16"}),
    ("--aspect 16:9 --aspect-fit pad", {"aspect": "16:9", "aspect_fit": "pad"}),
)


def shown(engine: Engine, portrait: str, over: Mapping[str, Any], work: Path) -> list[Picture]:
    """The pictures at FRAMES, what is transparent before a chequered wall."""
    avatar = engine.register(EXAMPLES / portrait)
    folder = work / "pictures"
    engine.render(avatar, SPEECH, folder, **merge(over, {"output": {"format": "png-sequence"}}))
    found = []
    for index in FRAMES:
        with Pillow.open(folder / f"{index:06d}.png") as picture:
            found.append(before_wall(np.asarray(picture, np.uint8)))
    return found


def before_wall(image: Picture, square: int = 16) -> Picture:
    if image.shape[2] == 3:
        return image
    rows, columns = np.indices(image.shape[:2]) // square
    wall = np.where((rows + columns) % 2, 205, 245)[..., None]
    share = image[..., 3:].astype(np.float32) / 255
    return np.asarray(image[..., :3] * share + wall * (1 - share), np.uint8)


def row(label: str, pictures: Sequence[Picture], height: int) -> Picture:
    """Pictures of one height side by side under a caption."""
    scaled = [
        cv2.resize(p, (round(p.shape[1] * height / p.shape[0]), height), interpolation=cv2.INTER_AREA)
        for p in pictures
    ]
    tiles = np.hstack(scaled)
    caption = np.full((LABEL, tiles.shape[1], 3), WHITE, np.uint8)
    cv2.putText(caption, label, (6, LABEL - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.45, DARK, 1, cv2.LINE_AA)
    return np.vstack([caption, tiles])


def save(path: Path, rows: Sequence[Picture]) -> None:
    width = max(r.shape[1] for r in rows)
    padded = [
        cv2.copyMakeBorder(r, 0, 0, 0, width - r.shape[1], cv2.BORDER_CONSTANT, value=WHITE) for r in rows
    ]
    cv2.imwrite(str(path), np.vstack(padded)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    sound = {"audio": {"end": SECONDS}}
    with Engine.load("mini", over=sound) as engine, tempfile.TemporaryDirectory() as name:
        work = Path(name)
        rows = [
            row(f"--preset {p}", shown(engine, "grace_hopper.jpg", merge(preset(p), CLOSE), work), 180)
            for p in PRESETS
        ]
        save(folder / "presets.jpg", rows)
        rows = [
            row(label, shown(engine, "astronaut.jpg", {"style": style, **CLOSE}, work), 160)
            for label, style in STYLES
        ]
        save(folder / "styles.jpg", rows)
        rows = [
            row(label, shown(engine, "grace_hopper.jpg", {"output": {"background": wanted}}, work)[:4], 230)
            for label, wanted in BACKGROUNDS
        ]
        save(folder / "backgrounds.jpg", rows)
        cut = [
            (label, shown(engine, "grace_hopper.jpg", {"framing": framing}, work)[2])
            for label, framing in FRAMINGS
        ]
        columns = [row(label.removeprefix("--preprocess "), [picture], 200) for label, picture in cut]
        save(folder / "framing.jpg", [np.hstack(columns[:4]), np.hstack(columns[4:])])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="draws the pictures of docs/options.md and docs/presets.md: what the options do"
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path("docs/img"))
    main(parser.parse_args().folder)
