"""A painted face put back, ours beside the plain way over the whole frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from benchmarks.official.timing import Case, Row
from ditto.arrays import Floats, Image
from ditto.packs.official.paste_back import OfficialCompositor, feathered_mask

HEIGHT, WIDTH = 1080, 1920
SQUARE = 640  # pixels of the head's square in the frame
NEW_FRAMES = 70  # of a window of 80, offline
SHARES = {"denoiser_window": 1 / NEW_FRAMES, "warp": 1.0, "decode": 1.0, "putback_1080p": 1.0}


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


def putback_case() -> Case:
    """Ours against the plain execution."""
    given, mask = putback_inputs(), feathered_mask(512, 512)
    picture, face, to_frame = given["picture"], given["face"], given["to_frame"]
    compositor = OfficialCompositor()

    def ours() -> Image:
        return compositor.blend(picture, face, to_frame)

    def baseline() -> Image:
        return plain_putback(picture, face, mask, to_frame)

    return Case("putback_1080p", "host", "fp32", ours, baseline)


def plain_putback(picture: Image, face: Floats, mask: Floats, to_frame: Floats) -> Image:
    """Mask and face moved over the whole frame, and the whole frame blended in floating point."""
    size = (picture.shape[1], picture.shape[0])
    matrix = to_frame[:2].astype(np.float64)
    cover = np.asarray(cv2.warpAffine(mask, matrix, size))[..., None]
    painted = cv2.warpAffine(face, matrix, size)
    blended = cover * painted + (1 - cover) * picture
    return np.asarray(np.clip(blended, 0, 255), np.uint8)


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
