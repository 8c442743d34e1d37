"""Pictures of people in clips, those painted over them, and how alike the two are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from measure_motion import Measured

from ditto.arrays import Floats, Image
from ditto.motion.pose import Placement, placement, rotation
from ditto.packs.mini.motion.expression_numbers import METRE, Exp
from ditto.packs.mini.paint.decoder import MiniDecoder
from ditto.packs.mini.paint.warper import MiniWarper
from ditto.source.avatar import SourceFrame
from ditto.stages.messages import Pose


class Painter:
    """Frames of one registered portrait."""

    def __init__(self, frame: SourceFrame) -> None:
        self.frame = frame
        self.rest = placement(frame.motion)
        self._parts = MiniWarper(), MiniDecoder()

    def __call__(self, drive: Placement) -> Image:
        warp, paint = self._parts
        unused = np.zeros((1, 21, 3), np.float32)
        pose = Pose(0, 0, self.frame, unused, unused, self.rest, drive)
        return paint(pose, warp(pose))

    def follow(self, true: Measured) -> Iterator[Placement]:
        """The person's own motion, counted from the first frame but for the gap, which is absolute."""
        head, rest = self.frame.look.head, self.rest
        angles = [getattr(rest, a) + getattr(true, a) - getattr(true, a)[0] for a in ("pitch", "yaw", "roll")]
        before = rotation(*(angle[:1] for angle in angles))[0]
        growth = true.scale / true.scale[0]
        arm = true.translation[0] - head.pivot
        for t, after in enumerate(rotation(*angles)):
            turned = arm @ (after.T @ before * growth[t]).T + head.pivot
            moved = (true.translation[t] - turned) / head.millimetre * METRE
            moved[2] = 0
            expression = rest.expression.reshape(63) + true.expression[t] - true.expression[0]
            expression[Exp.GAP] = true.expression[t][Exp.GAP]
            yield Placement(
                *(float(angle[t]) for angle in angles),
                scale=rest.scale * float(growth[t]),
                translation=rest.translation + moved,
                expression=expression.reshape(21, 3),
            )


def read_pictures(path: Path, count: int) -> list[Image]:
    video, pictures = cv2.VideoCapture(str(path)), []
    while len(pictures) < count:
        there, picture = video.read()
        if not there:
            break
        pictures.append(np.ascontiguousarray(picture[..., ::-1]))
    return pictures


def likeness(a: Image, b: Image, boxes: tuple[tuple[slice, slice], ...]) -> list[float]:
    """Structural similarity, then peak signal to noise in decibels, of each box."""
    x, y = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64) for image in (a, b))

    def blur(image: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(image, (11, 11), 1.5)

    mx, my = blur(x), blur(y)
    vx, vy, both = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similar = (2 * mx * my + c1) * (2 * both + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    error = (a.astype(np.float64) - b) ** 2
    noise = [10 * np.log10(255**2 / max(error[box].mean(), 1e-3)) for box in boxes]
    return [float(similar[box].mean()) for box in boxes] + noise


def around(points: Floats, grown: float, size: int) -> tuple[slice, slice]:
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    margin = grown * (high - low)
    (x0, y0), (x1, y1) = (np.clip(p, 0, size).astype(int) for p in (low - margin, high + margin))
    return slice(y0, max(y1, y0 + 1)), slice(x0, max(x1, x0 + 1))
