"""`ditto script`: a script checked, or drawn over time."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import cv2

from cfg.atomic_write import write_whole
from cfg.checks import between
from cfg.errors import ConfigError
from ditto.motion.gestures import GESTURES, Gesture
from ditto.motion.script import Script
from ditto.motion.script_picture import timeline_picture
from ditto.rates import FRAME_RATE
from stream_pipeline.options.paths import WrittenPath

MAX_PICTURE_SECONDS = 3600.0  # seconds on one picture
MARGIN_SECONDS = 1.0  # seconds drawn after the last event


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="say whether a script can be played, and what is in it")
    check.add_argument("file", metavar="FILE", help="YAML or JSON script")
    preview = actions.add_parser("preview", help="draw a script over time")
    preview.add_argument("file", metavar="FILE", help="YAML or JSON script")
    preview.add_argument(
        "-o", "--output", type=WrittenPath, required=True, metavar="FILE.png", help="the picture"
    )
    preview.add_argument("--seconds", type=float, help="how much of it (default: all)")
    actions.add_parser("gestures", help="list the gestures there are")


def script(parsed: argparse.Namespace) -> int:
    if parsed.action == "gestures":
        for name, shape in GESTURES.items():
            print(f"{name:12} {shape.length / FRAME_RATE:.2f} s")
        return 0
    read = Script.load(parsed.file)
    if parsed.action == "check":
        print(f"{parsed.file}: {described(read)}")
        return 0
    seconds = math.ceil((read.last_event / FRAME_RATE + MARGIN_SECONDS) * 2) / 2
    if parsed.seconds is not None:
        between("--seconds", parsed.seconds, 0.1, MAX_PICTURE_SECONDS)
        seconds = parsed.seconds
    page = timeline_picture(read, min(seconds, MAX_PICTURE_SECONDS), Path(parsed.file).name)
    save(Path(parsed.output), page[..., ::-1])
    print(f"{parsed.output}: {seconds:g} s of {parsed.file}")
    return 0


def described(read: Script) -> str:
    """Contents of a script, in a line."""
    gestures = sum(isinstance(layer, Gesture) for layer in read.layers)
    counts = {
        "gesture": gestures,
        "emotion": len(read.cues),
        "other entry": len(read.layers) - gestures,
        "single frame": len(read.frames),
    }
    named = [f"{count} {_plural(name, count)}" for name, count in counts.items() if count]
    return f"fine; {', '.join(named) or 'empty'}; the last event is at {read.last_event / FRAME_RATE:.2f} s"


def _plural(name: str, count: int) -> str:
    if count == 1:
        return name
    return f"{name.removesuffix('y')}ies" if name.endswith("y") else f"{name}s"


def save(path: Path, picture: object) -> None:
    if path.suffix.lower() != ".png":
        raise ConfigError(f"{path}: a timeline is written as .png")
    whole, coded = cv2.imencode(".png", picture)  # type: ignore[call-overload]
    assert whole
    write_whole(path, coded.tobytes())
