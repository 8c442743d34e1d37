"""Eyes over a moved face: the ball between its lids, and a lid that falls over it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ditto.arrays import Floats, Image
from ditto.faces.topology import EYES, Eye
from ditto.packs.mini.paint.paint_kernels import paint_ball
from ditto.packs.mini.paint.shapes import (
    COVERING,
    Box,
    arch,
    around,
    blurred,
    covered,
    curve,
    draw_slit,
    inverse,
    outline,
)
from ditto.packs.mini.paint.tones import LUMA
from ditto.packs.mini.paint.warper import Moved
from ditto.packs.mini.smoothstep import clamped, smoothstep
from ditto.packs.mini.source.appearance import MiniAppearance

FALLING = (0.3, 0.65)  # of an eye closed: from where to where its lid is painted rather than drawn out
LASHES = 0.11  # of its width that an eye's lashes reach above its rim at least
LONGEST = 0.32  # and at most: what is dark beyond is a shadow, or hair
DRAWN = 0.44  # opening above which an eye is a drawing's, its lashes perhaps a thick line
NEXT = 0.08  # of its width between an eye's rim and lashes that are its own, and from their end to bare skin
BLACK, BARE = 0.33, 0.45  # of the light on the skin below: less in a line of lashes, more beyond its end
THICKER = 0.35  # of the lashes beyond the least by which the line of a shut lid is thicker
DARKER = 0.5  # of the light on the skin below
PALE, COLOURED = 0.5, 0.2  # of its saturation; from which on it tells skin from glints and the brims of hats
ABOVE = 0.8  # of its width about an eye in which its socket is seen
SHADED = (
    0.85,
    0.98,
)  # of the socket that is unlike the skin below: lashes and brow, or all of it in the shade
DEEP = 0.6  # of the shade that a lid in it has
COVERED = 0.08  # of its width that a shut lid reaches beyond the line where the mesh has lids meet at least
OPENING = 0.27  # and of its opening: the lower rim lies farther from that line in an eye that is wide open
CORNER = 0.06  # and beyond the outer corner


@dataclass(frozen=True, slots=True, eq=False)
class EyeLayer:
    """An eyeball without its lids, and the skin of a lid that hides it."""

    texture: Image  # (h, w, 3)
    skin: Image  # (h, w, 3)
    corner: tuple[int, int]  # x, y of its first pixel in the picture
    pupil: Floats  # (2,) in the picture
    radius: float  # of the iris, pixels
    lash: Floats  # (3,)
    lashes: float  # of its width that its lashes reach above its rim
    width: float  # pixels


def eye_layer(picture: Image, look: MiniAppearance, eye: Eye) -> EyeLayer | None:
    """The eyeball with the lids painted away, grown from what they leave to see."""
    points = look.points[:, :2]
    contour = outline(points[list(eye.upper)], points[list(eye.lower)])
    width = float(np.linalg.norm(points[eye.upper[0]] - points[eye.upper[-1]]))
    box = around(contour, look.box, 0.55 * width)
    if box is None or width < 6:
        return None
    x0, y0, x1, y1 = box
    patch = np.ascontiguousarray(picture[y0:y1, x0:x1])
    mask = covered(contour, box, 0.5)
    seen = np.asarray(cv2.erode((mask > 0.75).astype(np.uint8), np.ones((2, 2), np.uint8)), np.uint8)
    if seen.sum() < 8:
        return None
    lids = widened(mask, width * 0.35) & (1 - seen)
    grown = grown_over(patch, lids)
    reach = LASHES
    if look.eyes_open[EYES.index(eye)] > DRAWN:
        reach = lash_height(patch, points[list(eye.upper[1:-1])] - (x0, y0), -look.turn[:2, 1], width)
    lashes = widened(mask, width * reach * 2.4)
    unlike = unlike_skin(patch)
    middle = max(0, int(contour[:, 1].mean()) - y0)
    above = (widened(mask, width * ABOVE)[:middle] > 0) & (lashes[:middle] == 0)
    shaded = float(unlike[:middle][above].mean()) if above.any() else 0.0
    share = DEEP * smoothstep(shaded, *SHADED)
    bare, dark = grown_over(patch, lashes | unlike), grown_over(patch, lashes)
    mixed = cv2.addWeighted(bare, 1 - share, dark, share, 0)
    skin = np.asarray(cv2.GaussianBlur(mixed, (0, 0), 0.06 * width), np.uint8)
    own = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), max(0.6, width * 0.01))[..., None]
    texture = np.clip(patch * own + grown * (1 - own), 0, 255).astype(np.uint8)
    rim = np.linalg.norm(points[list(eye.iris[1:])] - points[eye.iris[0]], axis=1)
    lids_edge = np.rint(points[list(eye.upper[1:-1])] - (x0, y0)).astype(int)
    line = np.clip(lids_edge, 0, (x1 - x0 - 1, y1 - y0 - 1))
    tones = np.concatenate([patch[np.maximum(line[:, 1] - up, 0), line[:, 0]] for up in range(3)])
    tones = tones[np.argsort(tones.sum(1))][: max(1, len(tones) // 3)].astype(np.float32)
    iris = points[eye.iris[0]], float(rim.mean())
    return EyeLayer(texture, skin, (x0, y0), *iris, tones.mean(0), reach, width)


def lash_height(patch: Image, rim: Floats, up: Floats, width: float) -> float:
    """How far the line of lashes along an eye's (n, 2) upper rim reaches above it, in the eye's widths."""
    grey = cv2.GaussianBlur(patch, (0, 0), 1.0).astype(np.float32) @ LUMA
    far, near = np.arange(round((LONGEST + NEXT) * width) + 2, dtype=np.float32), max(1, round(NEXT * width))
    where = (rim[:, None] + far[:, None] * up).astype(np.float32)
    skin = max(1.0, float(np.median(grey[len(patch) * 3 // 4 :])))
    light = np.asarray(grey / skin, np.float32)
    seen = cv2.remap(light, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    first = (seen < BLACK).argmax(axis=1)
    ended = (seen >= BLACK) & (far > first[:, None])
    end = np.minimum(ended.argmax(axis=1), len(far) - 1 - near)
    beyond = seen[np.arange(len(rim)), end + near]
    own = (seen.min(axis=1) < BLACK) & (first <= near) & (end < LONGEST * width) & (beyond > BARE)
    return max(LASHES, float(np.median(end[own])) / width) if own.mean() > 0.4 else LASHES


def unlike_skin(patch: Image) -> Image:
    """(h, w) 1 where the patch of an eye is far darker than the skin below it, or has none of its colour."""
    bright = cv2.GaussianBlur(patch, (0, 0), 1.0).astype(np.float32)
    grey, strong = bright @ LUMA, bright.max(2)
    colour = (strong - bright.min(2)) / np.maximum(strong, 20)
    below = slice(len(patch) * 3 // 4, None)
    skin = float(np.median(colour[below]))
    pale = (colour < PALE * skin) & (skin > COLOURED)
    off = (grey < DARKER * np.median(grey[below])) | pale
    return widened(off.astype(np.float32), 0.06 * patch.shape[1])


def widened(mask: Floats, size: float) -> Image:
    """(h, w) 1 where a mask reaches to when grown by half so many pixels."""
    side = max(5, int(size)) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.dilate((mask > 0.02).astype(np.uint8), kernel), np.uint8)


def grown_over(patch: Image, gone: Image) -> Image:
    """(h, w, 3) a patch with part of it grown over from what is around.

    Found on a small copy: full resolution costs a second on a large face, and what is grown is smooth.
    """
    small = min(1.0, 90 / max(patch.shape[:2]))
    across, down = (max(small, 1 / side) for side in (patch.shape[1], patch.shape[0]))  # of a strip, a pixel
    shrunk = cv2.resize(patch, None, fx=across, fy=down, interpolation=cv2.INTER_AREA)
    hole = cv2.resize(gone, (shrunk.shape[1], shrunk.shape[0]), interpolation=cv2.INTER_NEAREST)
    grown = cv2.inpaint(shrunk, hole, 3, cv2.INPAINT_TELEA)
    whole = cv2.resize(grown, (patch.shape[1], patch.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(whole, np.uint8)


def paint_eye(out: Image, eye: Eye, layer: EyeLayer, moved: Moved, number: int) -> None:
    """Paints the eyeball between the moved lids, if they or the eye have moved at all, and a falling lid."""
    share, gaze = moved.blink[number], moved.gaze[number]
    strength = clamped(abs(share) * 12 + float(np.abs(gaze).max()) / layer.width * 25, 0.0, 1.0)
    if strength < 0.02:
        return
    look = moved.layers.appearance
    upper = curve(moved.placed[list(eye.upper)])
    lower = curve(moved.placed[list(eye.lower)])
    contour = outline(upper, lower)
    box = around(contour, look.box, 3)
    if box is None:
        return
    tall = float(np.abs(upper[:, 1] - lower[:, 1]).max())
    fallen = smoothstep(share, *FALLING)
    draw_lashes(out, layer, upper, lower, tall, 1 - fallen, look.box)
    fine = max(0.6, layer.width * 0.012)
    alpha = covered(contour, box, fine, clamped((tall - fine) / (2.5 * fine), 0.0, 1.0) * strength)
    lids = list(eye.upper + eye.lower)
    before = look.points[lids, :2].mean(0) - layer.corner
    after = moved.rigid[lids, :2].mean(0)
    back = inverse(moved.turn[:2, :2])
    shadow = np.roll(blurred(alpha, max(1.0, tall * 0.10)), max(1, int(tall * 0.10)), 0)
    paint_ball(
        out, alpha, shadow, box[:2], layer.texture, after.astype(np.float32),
        before.astype(np.float32), back, (layer.pupil - layer.corner).astype(np.float32), gaze,
        layer.radius, clamped(share * 2, 0.0, 1.0),
    )  # fmt: skip
    if fallen > 0:
        paint_lid(out, eye, layer, moved, share, upper, (before, after, back))


def paint_lid(
    out: Image,
    eye: Eye,
    layer: EyeLayer,
    moved: Moved,
    share: float,
    upper: Floats,
    frame: tuple[Floats, Floats, Floats],
) -> None:
    """Paints skin down to the rim of a falling lid, and the lashes along it.

    The little skin that the source shows above an open eye would be drawn out to streaks.
    """
    look, (before, after, back) = moved.layers.appearance, frame
    limits = look.box
    fallen = smoothstep(share, *FALLING)
    width = max(float(np.hypot(*(upper[-1] - upper[0]))), 1e-3)
    down = moved.turn[:2, :2] @ look.turn[:2, 1] * np.float32(width)
    bell = arch(len(upper))[:, None] * down
    top = curve(moved.rigid[list(eye.upper), :2]) - layer.lashes * bell
    opening = look.eyes_open[EYES.index(eye)]
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
    thick = max((0.035 + THICKER * (layer.lashes - LASHES)) * width, COVERING * moved.map.step)
    draw_slit(out, upper, upper, thick, layer.lash, 0.9 * fallen, limits)


def draw_lashes(
    out: Image, layer: EyeLayer, upper: Floats, lower: Floats, tall: float, share: float, limits: Box
) -> None:
    """Darkens the line where the lids meet, more the nearer they are."""
    amount = 0.7 * share * (1 - smoothstep(tall, 0.015 * layer.width, 0.165 * layer.width))
    line = 0.35 * upper + 0.65 * lower
    draw_slit(out, line, line, 0.035 * layer.width, layer.lash, amount, limits)
