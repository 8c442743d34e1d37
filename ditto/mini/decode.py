"""The mini pack's decoder: background behind the head, eyes, and the inside of the mouth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from ditto.messages import Floats, Image, Pose
from ditto.mini.edges import soften
from ditto.mini.layers import Layers
from ditto.mini.raster import paint_ball, paint_mouth
from ditto.mini.register import SHUT_GAP, MiniAppearance, ramp
from ditto.mini.repaint import repainted
from ditto.mini.template import CHEEKS, EYES, LOWER_INNER, LOWER_OUTER, MILLIMETRES, UPPER_INNER, Eye
from ditto.mini.warp import Moved, closing

Box = tuple[int, int, int, int]
EDGE = 1.6  # millimetres the upper teeth end below the resting seam
FALLING = (0.3, 0.65)  # of an eye closed: from where to where its lid is painted rather than drawn out
LASHES = 0.11  # of its width that an eye's lashes reach above its rim
LINED = 0.8  # of its width about an eye in which what is far darker than its skin is a line of lashes
DARKER = 0.5  # of the light on the skin below
COVERED = 0.08  # of its width that a shut lid reaches beyond the line where the mesh has lids meet
CORNER = 0.06  # and beyond the outer corner
SEAM = 0.8  # millimetres of the shadow where lips meet that the source shows apart
DARK = 0.72  # of the lips' light in it
COVERING = 1.2  # grid points that a line needs to hide what a map shows between two lips or lids
SHADED = (0.4, 0.55, 0.55)  # of the light on a source's own teeth that lips keep out when they close: r, g, b
BESIDE = 0.55  # of their own colour that drawn teeth lose where a source shows its mouth open
LONGEST = 2.0  # times its height to which a source's own mouth is drawn out
FINER = 4  # times as large thin lines are drawn
TEXELS = 6  # per millimetre of the teeth
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
UPPER_WIDTHS = (8.5, 6.6, 7.6, 7.0, 6.6, 9.5)  # millimetres along the arch from the middle
LOWER_WIDTHS = (5.3, 5.7, 6.6, 7.0, 7.0, 10.0)


@dataclass(frozen=True, slots=True, eq=False)
class EyeLayer:
    """An eyeball without its lids, and the skin of a lid that hides it."""

    texture: Image  # (h, w, 3)
    skin: Image  # (h, w, 3)
    corner: tuple[int, int]  # x, y of its first pixel in the picture
    pupil: Floats  # (2,) in the picture
    radius: float  # of the iris, pixels
    lash: Floats  # (3,)
    width: float  # pixels


@dataclass(frozen=True, slots=True, eq=False)
class Details:
    """What is painted over one source frame's moved skin."""

    appearance: MiniAppearance
    colours: Floats  # (6, 3) teeth, gums, tongue, shallow and deep cavity, lip
    own_mouth: Floats  # (h, w) 0..1 the source's mouth opening; empty if it is shut
    own_corner: tuple[int, int]  # x, y of its first pixel in the picture


class MiniDecoder:
    """The whole frame with the picture moved, and over it what the source does not show."""

    def __init__(self) -> None:
        self._details: Details | None = None  # of the source frame last painted
        self._eyes: dict[int, EyeLayer | None] = {}  # of the same, once one of them has moved

    def __call__(self, pose: Pose, warped: Moved | None) -> Image | None:
        if warped is None:
            return None
        details = self._details
        if details is None or details.appearance is not warped.layers.appearance:
            details = self._details = details_of(warped.layers)
            self._eyes.clear()
        out = repainted(warped)
        soften(out, warped)
        for number, eye in enumerate(EYES):
            if warped.blink[number] or warped.gaze[number].any():
                layer = self._eye(warped.layers, number)
                if layer is not None:
                    paint_eye(out, eye, layer, warped, number)
        mouth(out, details, warped)
        return out

    def _eye(self, layers: Layers, number: int) -> EyeLayer | None:
        look = layers.appearance
        if number not in self._eyes:
            wide = look.eyes_open[number] > 0.13
            self._eyes[number] = eye_layer(layers.image, look, EYES[number]) if wide else None
        return self._eyes[number]


def curve(points: Floats, between: int = 4) -> Floats:
    """A smooth line through (n, 2) points, `between` pieces from one to the next."""
    return np.asarray(spline(len(points), between) @ points, np.float32)


@lru_cache(maxsize=8)
def spline(count: int, between: int) -> npt.NDArray[np.float64]:
    """(m, count) how much of each point is in each place of a smooth line through `count` of them."""
    points = np.eye(count)
    padded = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    a, b, c, d = (padded[k : len(padded) - 3 + k, None] for k in range(4))
    t = (np.arange(between) / between)[None, :, None]
    line = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return np.vstack([line.reshape(-1, count), points[-1:]])


def outline(upper: Floats, lower: Floats) -> Floats:
    """The closed (n, 2) contour between two lines that share their ends."""
    return np.asarray(np.vstack([upper, lower[::-1][1:-1]]), np.float32)


def covered(contour: Floats, box: Box, blur: float) -> Floats:
    """(h, w) 0..1: how much of each pixel of the box lies inside."""
    left, top, right, bottom = box
    mask = np.zeros((bottom - top, right - left), np.uint8)
    cv2.fillPoly(mask, [np.round((contour - (left, top)) * 256).astype(np.int32)], 255, cv2.LINE_AA, 8)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), blur) / np.float32(255), np.float32)


def around(points: Floats, limits: Box, pad: float) -> Box | None:
    """The pixels about some points; None where nothing is left of them within the limits."""
    left, top = np.maximum(limits[:2], np.floor(points.min(0) - pad)).astype(int)
    right, bottom = np.minimum(limits[2:], np.ceil(points.max(0) + pad + 1)).astype(int)
    return (int(left), int(top), int(right), int(bottom)) if right - left > 3 and bottom - top > 3 else None


def details_of(layers: Layers) -> Details:
    look = layers.appearance
    points = look.points[:, :2]
    own, corner = np.zeros((0, 0), np.float32), (0, 0)
    if look.gap > SHUT_GAP:
        contour = outline(curve(points[list(UPPER_INNER)]), curve(points[list(LOWER_INNER)]))
        shrink = max(1, round(look.millimetre))
        box = around(contour, look.box, 2 * shrink)
        if box is not None:
            mask = np.zeros((box[3] - box[1], box[2] - box[0]), np.uint8)
            cv2.fillPoly(mask, [np.round((contour - box[:2]) * 256).astype(np.int32)], 255, cv2.LINE_AA, 8)
            inner = cv2.erode(mask, np.ones((2 * shrink + 1, 2 * shrink + 1), np.uint8))
            own = np.asarray(cv2.GaussianBlur(inner, (0, 0), shrink * 0.8), np.float32) / np.float32(255)
            corner = (box[0], box[1])
    # masks as large as the face, not as the picture
    room = float(np.ptp(points[:, 0])) * 0.05 + 2
    left, top = np.maximum(points.min(0) - room, 0).astype(int)
    right, bottom = np.maximum(points.max(0) + room, 1).astype(int)
    colours = colours_of(layers.image[top:bottom, left:right], points - np.array([left, top], np.float32))
    return Details(look, colours, own, corner)


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
    lashes = widened(mask, width * LASHES * 2.4) | (widened(mask, width * LINED) & dark(patch))
    skin = np.asarray(cv2.GaussianBlur(grown_over(patch, lashes), (0, 0), 0.06 * width), np.uint8)
    own = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), max(0.6, width * 0.01))[..., None]
    texture = np.clip(patch * own + grown * (1 - own), 0, 255).astype(np.uint8)
    rim = np.linalg.norm(points[list(eye.iris[1:])] - points[eye.iris[0]], axis=1)
    lids_edge = np.rint(points[list(eye.upper[1:-1])] - (x0, y0)).astype(int)
    line = np.clip(lids_edge, 0, (x1 - x0 - 1, y1 - y0 - 1))
    tones = np.concatenate([patch[np.maximum(line[:, 1] - up, 0), line[:, 0]] for up in range(3)])
    tones = tones[np.argsort(tones.sum(1))][: max(1, len(tones) // 3)].astype(np.float32)
    return EyeLayer(texture, skin, (x0, y0), points[eye.iris[0]], float(rim.mean()), tones.mean(0), width)


def dark(patch: Image) -> Image:
    """(h, w) 1 where the patch of an eye is far darker than the skin below it."""
    grey = cv2.GaussianBlur(cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
    below = np.asarray(grey[len(grey) * 3 // 4 :])
    return widened((grey < DARKER * np.median(below)).astype(np.float32), 0.06 * patch.shape[1])


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
    strength = float(np.clip(abs(share) * 12 + np.abs(gaze).max() / layer.width * 25, 0, 1))
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
    fallen = float(ramp(share, *FALLING))
    draw_lashes(out, layer, upper, lower, tall, 1 - fallen, look.box)
    fine = max(0.6, layer.width * 0.012)
    alpha = covered(contour, box, fine)
    alpha *= np.float32(np.clip((tall - fine) / (2.5 * fine), 0, 1) * strength)
    lids = list(eye.upper + eye.lower)
    before = look.points[lids, :2].mean(0) - layer.corner
    after = moved.rigid[lids, :2].mean(0)
    back = np.linalg.inv(moved.turn[:2, :2]).astype(np.float32)
    shadow = cv2.GaussianBlur(alpha, (0, 0), max(1.0, tall * 0.10))
    shadow = np.roll(shadow, max(1, int(tall * 0.10)), 0)
    paint_ball(
        out, alpha, shadow, box[0], box[1], layer.texture, after.astype(np.float32),
        before.astype(np.float32), back, (layer.pupil - layer.corner).astype(np.float32), gaze,
        layer.radius, float(np.clip(share * 2, 0, 1)),
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
    fallen = float(ramp(share, *FALLING))
    width = max(float(np.hypot(*(upper[-1] - upper[0]))), 1e-3)
    down = moved.turn[:2, :2] @ look.turn[:2, 1] * np.float32(width)
    bell = np.sqrt(np.sin(np.linspace(0, np.pi, len(upper)))).astype(np.float32)[:, None] * down
    top = curve(moved.rigid[list(eye.upper), :2]) - LASHES * bell
    rim = upper + COVERED * float(ramp(share, 0.7, 1.0)) * bell
    top[0] = rim[0] = upper[0] + CORNER * (upper[0] - upper[-1])
    box = around(np.concatenate([top, rim]), limits, 0.15 * width + 2)
    if box is None:
        return
    soft = covered(outline(top, rim + 0.3 * down), box, max(0.6, 0.06 * width)) * np.float32(fallen)
    soft *= covered(outline(top - 0.3 * down, rim), box, max(0.6, 0.02 * width))
    still = np.zeros(2, np.float32)
    paint_ball(
        out, soft, soft, box[0], box[1], layer.skin, after.astype(np.float32), before.astype(np.float32),
        back, (layer.pupil - layer.corner).astype(np.float32), still, layer.radius, 0.0,
    )  # fmt: skip
    thick = max(0.035 * width, COVERING * moved.map.step)
    draw_slit(out, upper, upper, thick, layer.lash, 0.9 * fallen, limits)


def draw_lashes(
    out: Image, layer: EyeLayer, upper: Floats, lower: Floats, tall: float, share: float, limits: Box
) -> None:
    """Darkens the line where the lids meet, more the nearer they are."""
    amount = 0.7 * share * (1 - float(ramp(tall, 0.015 * layer.width, 0.165 * layer.width)))
    line = 0.35 * upper + 0.65 * lower
    draw_slit(out, line, line, 0.035 * layer.width, layer.lash, amount, limits)


def draw_slit(
    out: Image, upper: Floats, lower: Floats, thick: float, colour: Floats, amount: float, limits: Box
) -> None:
    """Draws a soft shadow from one (n, 2) line to the other and so many pixels thicker, but for its ends."""
    box = around(np.concatenate([upper, lower]), limits, 2 * thick + 2)
    if amount < 0.02 or box is None:
        return
    x0, y0, x1, y1 = box
    across = upper[-1] - upper[0]
    down = np.array([-across[1], across[0]], np.float32) / max(float(np.hypot(*across)), 1e-3)
    bell = np.sqrt(np.sin(np.linspace(0, np.pi, len(upper)))).astype(np.float32)[:, None]
    contour = outline(upper - 0.5 * thick * bell * down, lower + 0.5 * thick * bell * down)
    fine = FINER if thick < FINER else 1
    mask = np.zeros(((y1 - y0) * fine, (x1 - x0) * fine), np.uint8)
    drawn = np.round(((contour - (x0, y0) + 0.5) * fine - 0.5) * 256).astype(np.int32)
    cv2.fillPoly(mask, [drawn], 255, cv2.LINE_AA, 8)
    dark = cv2.GaussianBlur(mask, (0, 0), fine * max(0.5, thick * 0.4))
    if fine > 1:
        dark = cv2.resize(dark, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
    share = dark.astype(np.float32)[..., None] * np.float32(amount / 255)
    under = out[y0:y1, x0:x1]
    out[y0:y1, x0:x1] = (under + (colour - under) * share + 0.5).astype(np.uint8)


def colours_of(picture: Image, points: Floats) -> Floats:
    """(6, 3) teeth, gums, tongue, shallow and deep cavity, lip: from the source's skin, lips and eyes."""
    skin = mean_within(picture, [disc(points[p], float(np.ptp(points[:468, 0])) * 0.03) for p in CHEEKS])
    lips = np.vstack([points[list(LOWER_OUTER)], points[list(LOWER_INNER[::-1])]])
    lip = mean_within(picture, [lips])
    light = float(skin @ LUMA)
    chroma = min(1.0, float(np.ptp(skin)) / 40)

    def tint(red: float, green: float, blue: float) -> Floats:
        tone = skin * np.array([red, green, blue], np.float32)
        grey = float(tone @ LUMA)
        return np.asarray((tone - grey) * chroma + grey, np.float32)

    white = brightest_white(picture, points)
    bright = light if white is None else 0.5 * (float(white @ LUMA) + light)
    # teeth are never far brighter than the face they are lit with
    teeth_light = min(light * 1.25 + 8, max(light * 1.12 + 10, bright + 12), 228.0)
    warmth = skin - light
    hue = warmth * 0.30 if white is None else 0.5 * (white - float(white @ LUMA)) + warmth * 0.15
    teeth = np.clip(teeth_light + hue + np.array([3, 1, -6]) * chroma, 0, 255)
    gums = tint(0.78, 0.50, 0.56)
    stacked: list[Floats] = [
        teeth.astype(np.float32),
        gums,
        tint(0.86, 0.64, 0.78),
        tint(0.42, 0.23, 0.30),
        tint(0.51, 0.36, 0.44),
        lip,
    ]
    return np.asarray(np.stack(stacked), np.float32)


def disc(middle: Floats, radius: float) -> Floats:
    turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    return np.asarray(middle + max(2.0, radius) * np.stack([np.cos(turn), np.sin(turn)], 1), np.float32)


def mean_within(picture: Image, contours: list[Floats]) -> Floats:
    """(3,) mean colour; mid-grey where the contours lie outside the picture."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    for contour in contours:
        cv2.fillPoly(mask, [np.rint(contour).astype(np.int32)], 255)
    if not mask.any():
        return np.full(3, 128, np.float32)
    return np.asarray(cv2.mean(picture, mask)[:3], np.float32)


def brightest_white(picture: Image, points: Floats) -> Floats | None:
    """(3,) the brighter third of the whites of the eyes; None where they cannot be seen."""
    found = []
    for eye in EYES:
        mask = np.zeros(picture.shape[:2], np.uint8)
        contour = outline(points[list(eye.upper)], points[list(eye.lower)])
        cv2.fillPoly(mask, [np.rint(contour).astype(np.int32)], 255)
        radius = float(np.linalg.norm(points[eye.iris[1]] - points[eye.iris[0]]))
        x, y = np.rint(points[eye.iris[0]]).astype(int)
        cv2.circle(mask, (int(x), int(y)), int(radius * 1.15) + 1, 0, -1)
        found.append(picture[mask > 0])
    whites = np.concatenate(found).astype(np.float32)
    if len(whites) < 20:
        return None
    return np.asarray(whites[np.argsort(whites.sum(1))[-len(whites) // 3 :]].mean(0), np.float32)


def mouth(out: Image, details: Details, moved: Moved) -> None:
    """Paints teeth, tongue and cavity into the open mouth."""
    look = details.appearance
    upper = curve(moved.placed[list(UPPER_INNER)])
    lower = curve(moved.placed[list(LOWER_INNER)])
    mm = look.millimetre
    thick = max(SEAM * mm, COVERING * moved.map.step)
    shadow, amount = DARK * details.colours[5], 0.8 * closing(look, moved.gap)
    draw_slit(out, upper, lower, thick, shadow, amount, look.box)
    if moved.gap < 0.35 or float((lower - upper)[:, 1].max()) < 0.7:
        return
    contour = outline(upper, lower)
    box = around(contour, look.box, 2 + mm)
    if box is None:
        return
    x0, y0 = box[:2]
    appear = float(ramp(moved.gap, 0.35, 1.0))
    cover = covered(contour, box, max(0.7, 0.35 * mm)) * np.float32(appear)
    lit = cv2.GaussianBlur(cover, (0, 0), max(1.0, 1.1 * mm))
    drop = round(0.8 * mm)
    if drop:
        lit = np.vstack([np.zeros_like(lit[:drop]), lit[:-drop]]) if drop < len(lit) else np.zeros_like(lit)
    seam = moved.rigid[[13, 14], :2].mean(0)
    skull = moved.turn @ look.turn
    to_mm = np.linalg.inv(skull[:2, :2] * look.scale / MILLIMETRES).astype(np.float32)
    own, own_cover = own_mouth(details, moved, box, seam)
    colours = details.colours.copy()
    if own_cover.size:  # beside the source's own teeth drawn ones would be a second row
        colours[:2] += (colours[3] - colours[:2]) * (BESIDE * float(own_cover.max()))
    upper_teeth, lower_teeth, tongue = mouth_parts()
    paint_mouth(
        out, cover, np.ascontiguousarray(lit), x0, y0, seam.astype(np.float32), to_mm, colours,
        upper_teeth, lower_teeth, tongue, moved.jaw, moved.gap, EDGE, own, own_cover,
    )  # fmt: skip


def own_mouth(details: Details, moved: Moved, box: Box, seam: Floats) -> tuple[Image, Floats]:
    """The source's own open mouth in a box, and how far it is used there."""
    x0, y0, x1, y1 = box
    size = (y1 - y0, x1 - x0)
    look = details.appearance
    wider = moved.gap / max(look.gap, 0.5)
    share = 1 - float(ramp(wider, *((1.6, 2.6) if look.gap > 6 else (1.25, 2.2))))
    if not details.own_mouth.size or share < 0.01:
        return np.zeros((*size, 3), np.uint8), np.zeros(size, np.float32)
    back = np.linalg.inv(moved.turn[:2, :2]).astype(np.float32)
    before = look.points[[13, 14], :2].mean(0)
    grid = np.stack(np.meshgrid(np.arange(x0, x1), np.arange(y0, y1)), -1).astype(np.float32)
    away = (grid - seam) @ back.T
    if wider > 1:  # drawn out as the lips part further, the lower one more
        down = np.asarray(look.turn[:2, 1], np.float32)
        along = (away @ down)[..., None]
        lower = 0.15 * (moved.gap - look.gap) * look.millimetre
        away += ((along - lower) / min(wider, LONGEST) - along) * down
    where = (away + before).astype(np.float32)
    inside = where - np.array(details.own_corner, np.float32)
    cover = cv2.remap(details.own_mouth, inside[..., 0], inside[..., 1], cv2.INTER_LINEAR)
    picture = cv2.remap(
        moved.layers.image, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    light = 1 - np.array([*SHADED, 0.0]) * closing(look, moved.gap)
    shaded = cv2.multiply(np.asarray(picture, np.uint8), light)
    return np.asarray(shaded, np.uint8), np.asarray(cover * np.float32(share), np.float32)


@lru_cache(maxsize=1)
def mouth_parts() -> tuple[Floats, Floats, Floats]:
    """Upper and lower teeth (h, w, 3): cover, shade, gum; tongue (h, w, 2): cover, shade. 60 x 30 mm."""
    fine = 2  # drawn larger, then averaged: no stairs
    columns, rows = 60 * TEXELS * fine, 30 * TEXELS * fine
    x, y = np.meshgrid(
        (np.arange(columns) + 0.5) / columns * 60 - 30, (np.arange(rows) + 0.5) / rows * 30 - 15
    )

    def shrink(*planes: npt.NDArray[np.floating]) -> Floats:
        size = (60 * TEXELS, 30 * TEXELS)
        smaller = [cv2.resize(p.astype(np.float32), size, interpolation=cv2.INTER_AREA) for p in planes]
        return np.ascontiguousarray(np.dstack(smaller), np.float32)

    upper = teeth(x, y, arch(UPPER_WIDTHS), (10, 8.8, 9.5, 8.2, 7.6, 7), (0, 0.7, 0.2, 0.9, 1.3, 1.8))
    lower = teeth(x, -y, arch(LOWER_WIDTHS) * 0.93, (8.5, 8.7, 9.5, 8, 7.5, 7), (0.2, 0.25, 0, 0.8, 1.3, 1.8))
    body = np.exp(-((x / 17) ** 4)) * ramp((y + 8.5 - 3.0 * (1 - (x / 17) ** 2)).astype(np.float32), 0, 6.5)
    groove = 1 - 0.16 * np.exp(-((x / 1.2) ** 2)) * ramp(y.astype(np.float32), -6, 4)
    light = 0.86 + 0.16 * np.exp(-(((y - 1) / 6) ** 2)) * np.exp(-((x / 12) ** 2))
    return shrink(*upper), shrink(*lower), shrink(np.clip(body, 0, 1), groove * light)


def arch(widths: tuple[float, ...]) -> npt.NDArray[np.float64]:
    """Where the borders between teeth are seen from the front, millimetres from the middle."""
    along = np.concatenate([[0.0], np.cumsum(widths)])
    return np.asarray(26.5 * np.sin(np.clip(along / 34, 0, np.pi / 2)))


def teeth(
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
    borders: npt.NDArray[np.float64],
    lengths: tuple[float, ...],
    edges: tuple[float, ...],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Cover, shade and gum share of a row of teeth whose edge is at y = 0 and whose roots are at y < 0."""
    side = np.abs(x)
    tooth = np.searchsorted(borders, side.ravel(), side="right") - 1
    which = np.clip(tooth, 0, len(borders) - 2).reshape(x.shape)
    near, far = borders[which], borders[which + 1]
    share = (side - near) / (far - near)
    length, edge = np.array(lengths)[which], np.array(edges)[which]
    rounded = edge + 2.0 * np.clip(np.abs(share - 0.5) * 2 - 0.55, 0, 1) ** 2
    inside = -(y + rounded)
    cover = np.clip(inside / 0.45 + 0.5, 0, 1) * np.clip((length - inside) / 0.8 + 0.5, 0, 1)
    shade = 1 - 0.13 * np.exp(-((np.minimum(share, 1 - share) * (far - near) / 0.26) ** 2))
    shade *= 1 - 0.10 * np.clip(inside / length, 0, 1) + 0.03 * np.exp(-(((inside - 1) / 1.2) ** 2))
    shade *= 1 - 0.55 * ramp(side.astype(np.float32), 8, 25)
    gum = np.clip((inside - length) / 0.8 + 0.5, 0, 1)
    return np.maximum(cover, gum), shade, gum
