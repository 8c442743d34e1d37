"""`ditto faces PICTURE`: the faces in a picture, by the numbers that `--face` takes."""

from __future__ import annotations

import argparse
from pathlib import Path

from cfg.errors import NoFaceError
from ditto import bundled
from ditto.faces.finder import FaceFinder
from ditto.media.picture import read_picture
from stream_pipeline.commands.parsing import CommandPlugin


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("picture", help="a picture of people")


def faces(parsed: argparse.Namespace) -> int:
    finder = FaceFinder.open(bundled.FOLDER)
    found = finder.find(read_picture(Path(parsed.picture)))
    finder.close()
    if not found:
        raise NoFaceError(f"{parsed.picture}: no face found")
    for number, face in enumerate(found):
        left, top, right, bottom = face.box.round().astype(int)
        print(f"--face {number}: {right - left} x {bottom - top} pixels at ({left}, {top})")
    return 0


PLUGIN = CommandPlugin("list the faces in a picture", add_arguments, faces)
