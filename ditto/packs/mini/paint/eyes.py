"""Eyes over a moved face: the ball between its lids, and a lid that falls over it."""

from __future__ import annotations

import numpy as np

from ditto.arrays import Floats, Image
from ditto.faces.topology import EYES, Eye
from ditto.packs.mini.curves import Box, arch, around, curve, inverse, outline
from ditto.packs.mini.paint.paint_kernels import paint_ball
from ditto.packs.mini.paint.shapes import COVERING, blurred, covered, draw_slit
from ditto.packs.mini.paint.warper import Moved
from ditto.packs.mini.smoothstep import clamped, smoothstep
from ditto.packs.mini.source.eye_layer import MIN_LASHES, EyeLayer
from ditto.packs.mini.source.geometry import HeadGeometry

FALLING = (0.3, 0.65)  # of an eye closed: from where to where its lid is painted rather than drawn out
THICKER = 0.35  # of the lashes beyond the least by which the line of a shut lid is thicker
COVERED = 0.08  # of its width that a shut lid reaches beyond the line where the mesh has lids meet at least
OPENING = 0.27  # and of its opening: the lower rim lies farther from that line in an eye that is wide open
CORNER = 0.06  # and beyond the outer corner


def paint_eye(out: Image, eye: Eye, head: HeadGeometry, layer: EyeLayer, moved: Moved, number: int) -> None:
    """Paints the eyeball between the moved lids, if they or the eye have moved at all, and a falling lid."""
    share, gaze = moved.blink[number], moved.gaze[number]
    strength = clamped(abs(share) * 12 + float(np.abs(gaze).max()) / layer.width * 25, 0.0, 1.0)
    if strength < 0.02:
        return
    upper = curve(moved.placed[list(eye.upper)])
    lower = curve(moved.placed[list(eye.lower)])
    contour = outline(upper, lower)
    box = around(contour, head.box, 3)
    if box is None:
        return
    tall = float(np.abs(upper[:, 1] - lower[:, 1]).max())
    fallen = smoothstep(share, *FALLING)
    draw_lashes(out, layer, upper, lower, tall, 1 - fallen, head.box)
    fine = max(0.6, layer.width * 0.012)
    alpha = covered(contour, box, fine, clamped((tall - fine) / (2.5 * fine), 0.0, 1.0) * strength)
    lids = list(eye.upper + eye.lower)
    before = head.points[lids, :2].mean(0) - layer.corner
    after = moved.rigid[lids, :2].mean(0)
    back = inverse(moved.turn[:2, :2])
    shadow = np.roll(blurred(alpha, max(1.0, tall * 0.10)), max(1, int(tall * 0.10)), 0)
    paint_ball(
        out, alpha, shadow, box[:2], layer.texture, after.astype(np.float32),
        before.astype(np.float32), back, (layer.pupil - layer.corner).astype(np.float32), gaze,
        layer.radius, clamped(share * 2, 0.0, 1.0),
    )  # fmt: skip
    if fallen > 0:
        paint_lid(out, eye, head, layer, moved, share, upper, (before, after, back))


def paint_lid(
    out: Image,
    eye: Eye,
    head: HeadGeometry,
    layer: EyeLayer,
    moved: Moved,
    share: float,
    upper: Floats,
    frame: tuple[Floats, Floats, Floats],
) -> None:
    """Paints skin down to the rim of a falling lid, and the lashes along it.

    The little skin that the source shows above an open eye would be drawn out to streaks.
    """
    before, after, back = frame
    limits = head.box
    fallen = smoothstep(share, *FALLING)
    width = max(float(np.hypot(*(upper[-1] - upper[0]))), 1e-3)
    down = moved.turn[:2, :2] @ head.turn[:2, 1] * np.float32(width)
    bell = arch(len(upper))[:, None] * down
    top = curve(moved.rigid[list(eye.upper), :2]) - layer.lashes * bell
    opening = head.eyes_open[EYES.index(eye)]
    rim = upper + max(COVERED, OPENING * opening) * smoothstep(share, 0.7, 1.0) * bell
    top[0] = rim[0] = upper[0] + CORNER * (upper[0] - upper[-1])
    box = around(np.concatenate([top, rim]), limits, 0.15 * width + 2)
    if box is None:
        return
    soft = covered(outline(top, rim + 0.3 * down), box, max(0.6, 0.06 * width), fallen)
    soft *= covered(outline(top - 0.3 * down, rim), box, max(0.6, 0.02 * width))
    still = np.zeros(2, np.float32)
    paint_ball(
        out, soft, soft, box[:2], layer.skin, after.astype(np.float32), before.astype(np.float32),
        back, (layer.pupil - layer.corner).astype(np.float32), still, layer.radius, 0.0,
    )  # fmt: skip
    thick = max((0.035 + THICKER * (layer.lashes - MIN_LASHES)) * width, COVERING * moved.map.step)
    draw_slit(out, upper, upper, thick, layer.lash, 0.9 * fallen, limits)


def draw_lashes(
    out: Image, layer: EyeLayer, upper: Floats, lower: Floats, tall: float, share: float, limits: Box
) -> None:
    """Darkens the line where the lids meet, more the nearer they are."""
    amount = 0.7 * share * (1 - smoothstep(tall, 0.015 * layer.width, 0.165 * layer.width))
    line = 0.35 * upper + 0.65 * lower
    draw_slit(out, line, line, 0.035 * layer.width, layer.lash, amount, limits)
