"""What is measured besides networks: putting a face back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from ditto.arrays import Floats, Image
from ditto.kernels import In, Kernel, Out
from ditto.packs.official.paste_back import OfficialCompositor, feathered_mask
from stream_pipeline.bench.plain_putback import plain_putback
from stream_pipeline.bench.timing import Case, Row

HEIGHT, WIDTH = 1080, 1920
SQUARE = 640  # pixels of the head's square in the frame
NEW_FRAMES = 70  # of a window of 80, offline
SHARES = {"denoiser_window": 1 / NEW_FRAMES, "warp": 1.0, "decode": 1.0, "putback_1080p": 1.0}

_blend_whole = Kernel("blend_whole", Out(np.uint8), In(np.float32), In(np.float32), In(np.uint8), int)


def putback_inputs() -> dict[str, Any]:
    """A 1080p picture, a painted square and its place in the picture, a little turned."""
    generator = np.random.default_rng(0)
    scale, turn = SQUARE / 512, 0.1
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    return {
        "picture": generator.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8),
        "face": (255 * generator.random((512, 512, 3))).astype(np.float32),
        "to_frame": np.array([[cos, -sin, 700], [sin, cos, 150], [0, 0, 1]], np.float32),
    }


def putback_cases(what: str) -> list[Case]:
    """Ours against the plain execution, or against compiled code that does a whole frame."""
    given, mask = putback_inputs(), feathered_mask(512, 512)
    picture, face, to_frame = given["picture"], given["face"], given["to_frame"]
    compositor = OfficialCompositor()
    plain = compiled_putback if what.endswith("compiled") else plain_putback

    def ours() -> Image:
        return compositor.blend(picture, face, to_frame)

    def baseline() -> Image:
        return plain(picture, face, mask, to_frame)

    return [Case(what, "host", "fp32", ours, baseline)]


def compiled_putback(picture: Image, face: Floats, mask: Floats, to_frame: Floats) -> Image:
    """Mask and face moved over the whole frame, which is blended by compiled code."""
    size = (picture.shape[1], picture.shape[0])
    matrix = to_frame[:2].astype(np.float64)
    cover, painted = (np.asarray(cv2.warpAffine(plane, matrix, size), np.float32) for plane in (mask, face))
    made = np.empty_like(picture)
    _blend_whole(made, cover, painted, picture, cover.size)
    return made


def summed_baseline(rows: Sequence[Row]) -> float | None:
    """Milliseconds that a frame's parts take another implementation, whose stages run one by one.

    None where it has not all of them.
    """
    total = 0.0
    for what, share in SHARES.items():
        times = [row.baseline_ms for row in rows if row.case.what == what and row.case.batch == 1]
        known = [time for time in times if time is not None]
        if not known:
            return None
        total += share * known[0]
    return total
