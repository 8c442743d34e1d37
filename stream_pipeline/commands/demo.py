"""`ditto demo`: the bundled portrait and speech, rendered, with a sheet of its frames."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from cfg.atomic_write import write_whole
from cfg.errors import MediaError
from ditto.arrays import Image
from ditto.media.inputs import Inputs
from ditto.rates import FRAME_RATE
from stream_pipeline.commands.loading import leave_cores_to_stages
from stream_pipeline.commands.progress import ProgressBar
from stream_pipeline.options.paths import WrittenPath

EXAMPLES = Path("examples")
DEMO_PORTRAIT = "grace_hopper.jpg"
DEMO_SPEECH = "speech.flac"
SHEET_FRAMES = 12  # frames on the sheet
TILE_WIDTH = 320  # pixels


def add_arguments(parser: argparse.ArgumentParser) -> None:
    give = parser.add_argument
    give("--examples", default=str(EXAMPLES), metavar="DIR", help="where the bundled examples lie")
    give(
        "--to",
        type=WrittenPath,
        default="output",
        metavar="DIR",
        help="where the video goes (default: output)",
    )
    give("--portrait", default=DEMO_PORTRAIT, help=f"which example (default: {DEMO_PORTRAIT})")


def demo(parsed: argparse.Namespace) -> int:
    from ditto.media.video import VideoSource
    from stream_pipeline.engine import Engine

    portrait, speech = Path(parsed.examples) / parsed.portrait, Path(parsed.examples) / DEMO_SPEECH
    for file in (portrait, speech):
        if not file.is_file():
            raise MediaError(f"{file}: no such file; run the demo where the repository was cloned")
    target = Path(parsed.to)
    target.mkdir(parents=True, exist_ok=True)
    video, sheet = target / "demo.mp4", target / "demo.png"
    Inputs([portrait, speech]).check(video, sheet)
    leave_cores_to_stages()
    began = time.perf_counter()
    with Engine.load("mini") as engine:
        bar = ProgressBar()
        report = engine.render(engine.register(portrait), speech, video, progress=bar)
        bar.finish()
    took = time.perf_counter() - began
    source = VideoSource(video)
    try:
        _, coded = cv2.imencode(".png", contact_sheet(source, report.frames)[..., ::-1])
    finally:
        source.close()
    write_whole(sheet, coded.tobytes())
    seconds = report.frames / FRAME_RATE
    print(f"video: {video.resolve()}")
    print(f"sheet: {sheet.resolve()}")
    print(f"{seconds:.2f} s of video in {took:.2f} s, {seconds / took:.2f} x real time, loading included")
    return 0


def contact_sheet(source: object, count: int) -> Image:
    """Frames spread over a video, four in a row."""
    tiles = []
    for index in np.linspace(0, count - 1, SHEET_FRAMES).astype(int):
        image = source.frame(int(index))  # type: ignore[attr-defined]
        height = round(image.shape[0] * TILE_WIDTH / image.shape[1])
        tiles.append(cv2.resize(image, (TILE_WIDTH, height), interpolation=cv2.INTER_AREA))
    rows = [np.hstack(tiles[at : at + 4]) for at in range(0, len(tiles), 4)]
    return np.asarray(np.vstack(rows), np.uint8)
