"""Draws eyes over a moved face: the ball between its lids, and a lid that falls over it."""

from __future__ import annotations

import numpy as np

from ditto.arrays import Image
from ditto.packs.mini.curves import Box
from ditto.packs.mini.paint.paint_kernels import paint_ball
from ditto.packs.mini.paint.shapes import blurred, covered, draw_slit
from ditto.packs.mini.placing.record import LayerPlace, PlacedEye, PlacedLid
from ditto.packs.mini.source.eye_layer import EyeLayer

STILL = np.zeros(2, np.float32)


def draw_eye(out: Image, eye: PlacedEye, layer: EyeLayer, limits: Box) -> None:
    """Draws the ball between the lids, and a falling lid, within the limits of what may move."""
    draw_slit(out, eye.lashes, limits)
    alpha = covered(eye.contour, eye.box, eye.soft, eye.share)
    shadow = np.roll(blurred(alpha, max(1.0, eye.tall * 0.10)), max(1, int(eye.tall * 0.10)), 0)
    place = eye.place
    paint_ball(
        out, alpha, shadow, eye.box[:2], layer.texture, place.after, place.before, place.back, place.pupil,
        eye.gaze, layer.radius, eye.shade,
    )  # fmt: skip
    if eye.lid is not None:
        draw_lid(out, eye.lid, place, layer, limits)


def draw_lid(out: Image, lid: PlacedLid, place: LayerPlace, layer: EyeLayer, limits: Box) -> None:
    """Draws skin down to the lid's rim, and the line of its lashes."""
    soft = covered(lid.below_top, lid.box, max(0.6, 0.06 * lid.width), lid.fallen)
    soft *= covered(lid.above_rim, lid.box, max(0.6, 0.02 * lid.width))
    paint_ball(
        out, soft, soft, lid.box[:2], layer.skin, place.after, place.before, place.back, place.pupil, STILL,
        layer.radius, 0.0,
    )  # fmt: skip
    draw_slit(out, lid.line, limits)
