"""The bundled portrait: beside this file in a wheel, among the examples of the repository."""

from __future__ import annotations

from pathlib import Path

from cfg.errors import MediaError

EXAMPLE_PORTRAIT = "drawn_woman.jpg"


def example_portrait() -> Path:
    beside = Path(__file__).parent
    for folder in (beside, beside.parents[1] / "examples"):
        if (folder / EXAMPLE_PORTRAIT).is_file():
            return folder / EXAMPLE_PORTRAIT
    raise MediaError(f"{EXAMPLE_PORTRAIT} is missing from this installation; name a portrait of your own")
