"""Report of a batch, as JSON for programs and as a page with thumbnails for people."""

from __future__ import annotations

import base64
import html
import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import cv2

from cfg.atomic_write import write_whole
from cfg.errors import DittoError
from ditto.arrays import Image
from ditto.media.inputs import Inputs
from ditto.media.picture import read_picture
from ditto.media.video import VideoSource
from stream_pipeline.batches.jobs import name_in, printable
from stream_pipeline.batches.running import DONE, FAILED, KEPT, REPORT_FILES, Outcome

THUMBNAIL_WIDTH = 240  # pixels wide
MAX_THUMBNAILS = 500
MAX_CARDS = 5_000  # failures before others
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem;
       color: #1c1c1c; background: #fafafa }
h1 { font-size: 1.5rem } .sum { color: #555 }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem }
article { background: #fff; border: 1px solid #ddd; border-radius: .5rem; overflow: hidden }
article img { width: 100%; display: block; aspect-ratio: 1; object-fit: cover; object-position: top }
article div { padding: .6rem .8rem } article p { margin: .2rem 0; font-size: .85rem; color: #555;
       overflow-wrap: anywhere }
.failed { border-color: #c0392b } .failed strong, .failed .why { color: #c0392b }
"""


def write_report(outcomes: Sequence[Outcome], folder: Path, seconds: float) -> Path:
    """Writes `report.json` and `report.html`, the page whose path comes back, into the folder.

    `seconds` is how long the whole took.
    """
    counts = Counter(outcome.state for outcome in outcomes)
    summary = {
        "videos": len(outcomes),
        "done": counts[DONE],
        "kept": counts[KEPT],
        "failed": counts[FAILED],
        "seconds": round(seconds, 2),
    }
    rows = [
        {
            "source": str(o.job.source),
            "audio": str(o.job.audio),
            "output": str(o.job.output),
            "state": o.state,
            "frames": o.frames,
            "seconds": round(o.seconds, 2),
            "error": o.error,
            "warnings": list(o.warnings),
        }
        for o in outcomes
    ]
    data, page = (folder / name for name in REPORT_FILES)
    Inputs(path for o in outcomes for path in (o.job.source, o.job.audio)).check(data, page)
    listed = outcomes
    if len(outcomes) > MAX_CARDS:
        listed = sorted(outcomes, key=lambda outcome: outcome.state != FAILED)[:MAX_CARDS]
    cards = "\n".join(card(o, folder, shown=n < MAX_THUMBNAILS) for n, o in enumerate(listed))
    left = len(outcomes) - len(listed)
    more = f"; {left} that are not shown here are in report.json" if left else ""
    write_whole(folder / "report.json", json.dumps({**summary, "jobs": rows}, indent=1))
    write_whole(page, PAGE.format(style=STYLE, cards=cards, more=more, **summary))
    return page


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{videos} videos</title><style>{style}</style></head><body>
<h1>{videos} videos</h1>
<p class="sum">{done} made, {kept} kept from before, {failed} failed, in {seconds:.0f} s{more}</p>
<main>
{cards}
</main></body></html>
"""


def card(outcome: Outcome, folder: Path, *, shown: bool) -> str:
    """One video on the page."""
    job = outcome.job
    picture = thumbnail(job.output, outcome.frames) if shown and outcome.state != FAILED else None
    link = quote(os.fsencode(os.path.relpath(job.output, folder)))
    name = html.escape(name_in(folder, job))
    image = "" if picture is None else f'<a href="{link}"><img alt="" src="{as_address(picture)}"></a>'
    if outcome.state == FAILED:
        title, detail = f"<strong>{name}</strong>", f'<p class="why">{html.escape(outcome.error)}</p>'
    else:
        title = f'<a href="{link}"><strong>{name}</strong></a>'
        pace = f"{outcome.frames} frames, made in {outcome.seconds:.1f} s"
        detail = f"<p>{pace}{', before' if outcome.state == KEPT else ''}</p>"
        detail += "".join(f"<p>{html.escape(warning)}</p>" for warning in outcome.warnings)
    files = f"<p>{html.escape(printable(f'{job.source.name} + {job.audio.name}'))}</p>"
    return f'<article class="{outcome.state}">{image}<div>{title}{files}{detail}</div></article>'


def thumbnail(video: Path, frames: int) -> Image | None:
    """A small picture from the middle; None where there is none to be had."""
    try:
        if video.is_dir():
            image = read_picture(video / f"{frames // 2:06d}.png")
        else:
            source = VideoSource(video)
            try:
                image = source.frame(source.count // 2)
            finally:
                source.close()
    except (DittoError, IndexError):
        return None
    size = (THUMBNAIL_WIDTH, max(1, round(image.shape[0] * THUMBNAIL_WIDTH / image.shape[1])))
    small: Image = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype("uint8")
    return small


def as_address(picture: Image) -> str:
    """The picture itself as an address, so that the page is one file."""
    _, encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode()
