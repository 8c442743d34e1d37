"""Draws the two illustrated portraits among the examples.

    python scripts/draw_portraits.py [folder]

The same picture comes out every time: chance is seeded.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

Layer = npt.NDArray[np.float32]  # (side, side) in 0..1, or (side, side, 3) RGB in 0..1
Points = Sequence[tuple[float, float]]

SIZE = 768  # pixels of the finished picture; every coordinate below is in these
FINE = 2  # drawn so many times larger, then reduced
SIDE = SIZE * FINE
MIDDLE = SIZE / 2
BRUSHES = (  # thickness and length of the strokes, how many, and the least detail they are for
    (26, 90, 5_000, 0.0),
    (14, 52, 11_000, 0.0),
    (7, 26, 40_000, 2.0),
    (4, 14, 120_000, 6.0),
)


def colour(text: str) -> Layer:
    """(3,) RGB in 0..1 from 'rrggbb'."""
    return np.array([int(text[at : at + 2], 16) for at in (0, 2, 4)], np.float32) / 255


def mirrored(points: Points) -> list[tuple[float, float]]:
    return [(2 * MIDDLE - x, y) for x, y in points]


def spline(points: Points, closed: bool, steps: int = 24) -> npt.NDArray[np.float64]:
    """(n, 2) smooth curve through the points (Catmull-Rom)."""
    knots = np.asarray(points, np.float64)
    ends = (knots[-1:], knots[:2]) if closed else (knots[:1], knots[-1:])
    knots = np.concatenate([ends[0], knots, ends[1]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(knots, knots[1:], knots[2:], knots[3:], strict=False):
        pieces.append(b + t * (c - a) / 2 + t**2 * (2 * a - 5 * b + 4 * c - d) / 2)
        pieces[-1] += t**3 * (3 * b - a - 3 * c + d) / 2
    return np.concatenate([*pieces, knots[-2:-1]])


def soft(layer: Layer, blur: float) -> Layer:
    if blur <= 0:
        return layer
    small = cv2.resize(layer, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) if blur > 4 else layer
    blurred = cv2.GaussianBlur(small, (0, 0), blur * FINE * (0.5 if blur > 4 else 1))
    return np.asarray(cv2.resize(blurred, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), np.float32)


def shape(points: Points, blur: float = 0.0) -> Layer:
    """What a smooth closed outline encloses, its edge `blur` pixels soft."""
    outline = np.round(spline(points, closed=True) * FINE * 16).astype(np.int32)
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(drawn, [outline], 255, lineType=cv2.LINE_AA, shift=4)
    return soft(drawn.astype(np.float32) / 255, blur)


def blob(x: float, y: float, wide: float, high: float, blur: float, angle: float = 0.0) -> Layer:
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    centre = (round(x * FINE * 16), round(y * FINE * 16))
    axes = (round(wide * FINE * 16), round(high * FINE * 16))
    cv2.ellipse(drawn, centre, axes, angle, 0, 360, 255, -1, cv2.LINE_AA, 4)
    return soft(drawn.astype(np.float32) / 255, blur)


def stroke(points: Points, thick: float, blur: float = 0.0, taper: float = 1.0) -> Layer:
    """A line that is `thick` in its middle and thinner by `taper` (0..1) at its ends."""
    path = spline(points, closed=False)
    slope = np.gradient(path, axis=0)
    across = slope[:, ::-1] * (-1, 1) / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-6)
    along = np.linspace(0, 1, len(path))[:, None]
    half = across * thick / 2 * (1 - taper * np.abs(2 * along - 1) ** 2)
    outline = np.round(np.concatenate([path + half, (path - half)[::-1]]) * FINE * 16).astype(np.int32)
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(drawn, [outline], 255, lineType=cv2.LINE_AA, shift=4)
    return soft(drawn.astype(np.float32) / 255, blur)


class Canvas:
    """A picture in the making."""

    def __init__(self, above: str, below: str) -> None:
        down = np.linspace(0, 1, SIDE, dtype=np.float32)[:, None, None]
        self.pixels = np.repeat(colour(above) * (1 - down) + colour(below) * down, SIDE, axis=1)

    def paint(self, where: Layer, tint: str, strength: float = 1.0, within: Layer | None = None) -> None:
        cover = where * strength if within is None else where * within * strength
        self.pixels += cover[..., None] * (colour(tint) - self.pixels)

    def strands(
        self,
        guides: Sequence[Points],
        count: int,
        tints: Sequence[str],
        chance: np.random.Generator,
        within: Layer | None = None,
        thick: float = 1.6,
        strength: float = 0.5,
        stray: float = 2.0,
    ) -> None:
        """Hairs that run between neighbouring guides, all guides of one length."""
        lines = np.asarray(guides, np.float64)
        for tint in tints:
            drawn = np.zeros((SIDE, SIDE), np.uint8)
            for place in chance.uniform(0, len(lines) - 1, count // len(tints)):
                first = min(int(place), len(lines) - 2)
                share = place - first
                hair = lines[first] * (1 - share) + lines[first + 1] * share
                hair = spline([*map(tuple, hair + chance.normal(0, stray, hair.shape))], closed=False)
                start, end = sorted(chance.uniform(0, 1, 2))
                part = hair[int(start * len(hair)) : int(end * len(hair)) + 2]
                width = max(1, round(thick * FINE * chance.uniform(0.5, 1.2)))
                corners = [np.round(part * FINE * 16).astype(np.int32)]
                cv2.polylines(drawn, corners, False, 255, width, cv2.LINE_AA, 4)
            self.paint(soft(drawn.astype(np.float32) / 255, 0.5), tint, strength, within)

    def finished(self) -> npt.NDArray[np.uint8]:
        """(SIZE, SIZE, 3) RGB."""
        small = cv2.resize(self.pixels, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
        return np.asarray(np.clip(small * 255 + 0.5, 0, 255), np.uint8)


@dataclass(frozen=True, kw_only=True)
class Skin:
    base: str
    light: str
    shade: str
    deep: str
    blush: str
    lip: str
    lip_light: str
    lip_dark: str


@dataclass(frozen=True, kw_only=True)
class Features:
    """Where the parts of a face are, pixels; sides are mirrored."""

    skin: Skin
    outline: Points  # left half of the face, from the top down to the chin
    eye: tuple[float, float] = (328.0, 336.0)  # centre of the left one
    eye_width: float = 30.0  # half of it
    eye_open: float = 12.0  # half of it
    iris: str = "5b7f5a"
    iris_dark: str = "2c4433"
    brow: str = "4a2f22"
    brow_thick: float = 9.0
    brow_lift: float = 30.0
    lash: float = 4.5
    nose_end: float = 424.0
    nose_wide: float = 23.0
    mouth: float = 458.0
    mouth_wide: float = 40.0
    lip_high: float = 11.0  # the upper one; the lower one is fuller


def both(canvas: Canvas, points: Points, blur: float, tint: str, strength: float, within: Layer) -> None:
    for side in (points, mirrored(points)):
        canvas.paint(shape(side, blur), tint, strength, within)


def draw_face(canvas: Canvas, face: Features) -> Layer:
    """Paints skin, nose, mouth, eyes and brows; the cover of the face comes back."""
    skin = face.skin
    half = list(face.outline)
    cover = shape(half + mirrored(half)[::-1][1:-1])
    canvas.paint(cover, skin.base)
    canvas.paint(blob(MIDDLE + 150, 380, 70, 230, 38), skin.shade, 0.75, cover)
    canvas.paint(blob(MIDDLE - 165, 400, 60, 230, 34), skin.shade, 0.5, cover)
    canvas.paint(blob(MIDDLE - 14, 250, 78, 42, 26), skin.light, 0.7, cover)
    canvas.paint(1 - soft(cover, 13), skin.shade, 0.9, cover)
    canvas.paint(blob(MIDDLE - 4, 497, 26, 13, 10), skin.light, 0.45, cover)
    for x, light in ((MIDDLE - 74, 0.62), (MIDDLE + 74, 0.3)):
        canvas.paint(blob(x, 408, 34, 22, 16), skin.blush, 0.38, cover)
        canvas.paint(blob(x, 386, 26, 12, 10), skin.light, light, cover)
    draw_nose(canvas, face, cover)
    draw_mouth(canvas, face, cover)
    for left in (True, False):
        draw_eye(canvas, face, cover, left)
    return cover


def draw_nose(canvas: Canvas, face: Features, cover: Layer) -> None:
    skin, end, wide = face.skin, face.nose_end, face.nose_wide
    eye_y = face.eye[1]
    side = [
        (MIDDLE - 13, eye_y - 22),
        (MIDDLE - 24, eye_y - 2),
        (MIDDLE - 13, eye_y + 28),
        (MIDDLE - 9, eye_y),
    ]
    both(canvas, side, 6, skin.shade, 0.55, cover)
    right = [
        (MIDDLE + 8, eye_y - 8),
        (MIDDLE + 11, end - 34),
        (MIDDLE + wide + 4, end - 6),
        (MIDDLE + 20, end - 50),
    ]
    canvas.paint(shape(right, 5), skin.shade, 0.75, cover)
    canvas.paint(
        stroke([(MIDDLE - 2, eye_y - 18), (MIDDLE - 2, end - 40), (MIDDLE - 2, end - 14)], 11, 5),
        skin.light,
        0.75,
        cover,
    )
    under = [(MIDDLE - wide, end - 1), (MIDDLE, end + 5), (MIDDLE + wide, end - 1), (MIDDLE, end + 17)]
    canvas.paint(shape(under, 4), skin.shade, 0.9, cover)
    canvas.paint(blob(MIDDLE - 2, end - 12, 10, 8, 5), skin.light, 0.8, cover)
    wing = [(MIDDLE - wide + 3, end - 19), (MIDDLE - wide - 3, end - 8), (MIDDLE - wide + 3, end + 1)]
    nostril = [(MIDDLE - wide + 6, end + 1), (MIDDLE - wide + 13, end - 4), (MIDDLE - 7, end + 3)]
    for turn in (list, mirrored):
        canvas.paint(stroke(turn(wing), 3.2, 1.2), skin.deep, 0.6, cover)
        canvas.paint(stroke(turn(nostril), 6, 1.0), skin.deep, 0.95, cover)
    canvas.paint(
        stroke([(MIDDLE - 9, end + 4), (MIDDLE, end + 7), (MIDDLE + 9, end + 4)], 2.6, 1.2),
        skin.deep,
        0.5,
        cover,
    )


def draw_mouth(canvas: Canvas, face: Features, cover: Layer) -> None:
    skin, y, wide, high = face.skin, face.mouth, face.mouth_wide, face.lip_high
    groove = [
        (MIDDLE - 4, face.nose_end + 12),
        (MIDDLE - 6, y - high - 4),
        (MIDDLE + 6, y - high - 4),
        (MIDDLE + 4, face.nose_end + 12),
    ]
    canvas.paint(shape(groove, 3), skin.shade, 0.5, cover)
    line = [(MIDDLE - wide, y - 5), (MIDDLE - wide / 2, y - 0.5), (MIDDLE - 8, y - 1), (MIDDLE, y + 1.5)]
    line += mirrored(line)[::-1][1:]
    lower = [*line, (MIDDLE + wide * 0.62, y + high * 0.95), (MIDDLE + wide * 0.2, y + high * 1.5)]
    lower += [(MIDDLE - wide * 0.2, y + high * 1.5), (MIDDLE - wide * 0.62, y + high * 0.95)]
    top = [
        (MIDDLE - wide * 0.55, y - high * 0.66),
        (MIDDLE - wide * 0.2, y - high),
        (MIDDLE, y - high * 0.72),
    ]
    upper = [
        (MIDDLE - wide, y - 5),
        *top,
        *mirrored(top)[::-1][1:],
        (MIDDLE + wide, y - 5),
        *line[::-1][1:-1],
    ]
    canvas.paint(shape(lower, 0.8), skin.lip, 0.95, cover)
    canvas.paint(shape(upper, 0.8), skin.lip, 0.95, cover)
    canvas.paint(shape(upper, 1.2), skin.lip_dark, 0.4, cover)
    canvas.paint(blob(MIDDLE - 5, y + high * 0.82, wide * 0.36, high * 0.3, 3), skin.lip_light, 0.85, cover)
    canvas.paint(
        stroke(
            [
                (MIDDLE - wide * 0.5, y + high * 1.75),
                (MIDDLE, y + high * 2.1),
                (MIDDLE + wide * 0.5, y + high * 1.75),
            ],
            8,
            4,
        ),
        skin.shade,
        0.8,
        cover,
    )
    canvas.paint(stroke(line, 2.8, 0.5, taper=0.4), skin.lip_dark, 1.0, cover)
    for turn in (list, mirrored):
        corner = turn([(MIDDLE - wide - 5, y - 9), (MIDDLE - wide + 1, y - 5), (MIDDLE - wide + 9, y - 2)])
        canvas.paint(stroke(corner, 4, 1.5), skin.deep, 0.6, cover)


def draw_eye(canvas: Canvas, face: Features, cover: Layer, left: bool) -> None:
    skin = face.skin
    (x, y), wide, up = face.eye, face.eye_width, face.eye_open

    def at(points: Points) -> list[tuple[float, float]]:
        placed = [(x + right, y + down) for right, down in points]
        return placed if left else mirrored(placed)

    centre_x = x if left else 2 * MIDDLE - x
    upper = [
        (-wide, 2),
        (-wide * 0.62, -up * 0.72),
        (-wide * 0.05, -up * 1.08),
        (wide * 0.58, -up * 0.62),
        (wide, 5),
    ]
    lower = [(wide * 0.6, up * 0.8), (0, up * 0.98), (-wide * 0.6, up * 0.7)]
    opening = shape(at(upper + lower))
    lid = [(-wide * 1.08, 0), *[(a * 1.06, b - 10) for a, b in upper[1:4]], (wide * 1.02, 2)]
    canvas.paint(shape(at([*lid, *upper[::-1]]), 4), skin.shade, 0.6, cover)
    canvas.paint(
        shape(at([(-wide * 1.2, 2), (0, up * 2.4), (wide * 1.1, 6), (0, up)]), 5), skin.shade, 0.4, cover
    )
    canvas.paint(opening, "f4efe9")
    canvas.paint(
        shape(at([(-wide, 0), (-wide * 0.75, 6), (-wide * 0.7, 10), (-wide, 8)]), 3), skin.deep, 0.3, opening
    )
    canvas.paint(
        shape(at([(wide, 0), (wide * 0.78, 3), (wide * 0.72, 10), (wide, 8)]), 3), skin.blush, 0.7, opening
    )
    ball = up * 1.12
    canvas.paint(blob(centre_x, y - 1, ball, ball, 0.6), face.iris_dark, 1.0, opening)
    canvas.paint(blob(centre_x, y, ball * 0.86, ball * 0.86, 1.0), face.iris, 1.0, opening)
    canvas.paint(blob(centre_x, y + ball * 0.45, ball * 0.55, ball * 0.4, 2.5), skin.light, 0.3, opening)
    canvas.paint(blob(centre_x, y - 1, ball * 0.46, ball * 0.46, 0.6), "120d0c", 1.0, opening)
    canvas.paint(shape(at([*upper, (wide, 2), (0, -up * 0.35), (-wide, 3)]), 2), "3a2a2a", 0.45, opening)
    canvas.paint(blob(centre_x - ball * 0.36, y - ball * 0.42, 2.9, 2.9, 0.5), "ffffff", 0.95, opening)
    canvas.paint(blob(centre_x + ball * 0.4, y + ball * 0.35, 1.7, 1.7, 0.6), "ffffff", 0.5, opening)
    flick = [(-wide * 1.1, -1), *upper[1:]]
    canvas.paint(stroke(at(flick), face.lash, 0.5, taper=0.7), "1f1413", 0.95)
    canvas.paint(stroke(at(lower), 2.0, 0.9, taper=0.9), skin.deep, 0.6)
    crease = [
        (-wide * 0.98, -up * 0.75),
        (-wide * 0.4, -up * 1.75),
        (wide * 0.3, -up * 1.68),
        (wide * 0.82, -up * 0.8),
    ]
    canvas.paint(stroke(at(crease), 2.6, 0.9), skin.deep, 0.6, cover)
    lift, thick = face.brow_lift, face.brow_thick
    brow = [
        (wide * 0.95, -lift + 3),
        (wide * 0.3, -lift - 3),
        (-wide * 0.55, -lift - 6),
        (-wide * 1.35, -lift + 5),
    ]
    under = [
        (-wide * 0.5, -lift + thick * 0.1),
        (wide * 0.3, -lift + thick * 0.7),
        (wide * 0.97, -lift + thick * 1.15),
    ]
    canvas.paint(shape(at(brow + under), 1.6), face.brow, 0.88)


WOMAN = Features(
    skin=Skin(
        base="eebd9d", light="fbdcc4", shade="d1906f", deep="8f4e3c", blush="e0836f",
        lip="c45a58", lip_light="ea9a92", lip_dark="8a3138",
    ),
    outline=[
        (384, 168), (318, 180), (272, 232), (262, 310), (267, 380),
        (282, 438), (310, 488), (346, 522), (384, 532),
    ],
    eye=(329.0, 340.0), eye_width=32.0, eye_open=14.5, iris="6d8f5e", iris_dark="2f4a35", brow="5a3423",
    brow_thick=7.0, brow_lift=34.0, lash=6.0, nose_end=424.0, nose_wide=20.0,
    mouth=464.0, mouth_wide=37.0, lip_high=11.5,
)  # fmt: skip

MAN = Features(
    skin=Skin(
        base="b97f58", light="dba983", shade="8a5537", deep="4a281b", blush="a85a42",
        lip="9a5548", lip_light="c08070", lip_dark="5a2a25",
    ),
    outline=[
        (384, 160), (312, 172), (264, 228), (254, 310), (258, 384),
        (268, 446), (294, 500), (334, 538), (384, 548),
    ],
    eye=(327.0, 336.0), eye_width=29.0, eye_open=11.0, iris="6a4426", iris_dark="2b1810", brow="241812",
    brow_thick=11.0, brow_lift=29.0, lash=4.2, nose_end=430.0, nose_wide=26.0,
    mouth=474.0, mouth_wide=41.0, lip_high=9.5,
)  # fmt: skip


def draw_woman() -> npt.NDArray[np.uint8]:
    """(SIZE, SIZE, 3) RGB: auburn hair to the shoulders, plain colours and soft shade."""
    chance = np.random.default_rng(5)
    canvas = Canvas("8fc4c4", "3f7f8c")
    canvas.paint(blob(330, 300, 260, 260, 70), "cfe8df", 0.7)
    skin = WOMAN.skin
    back = [
        (384, 104), (298, 120), (232, 182), (208, 290), (206, 400), (190, 500),
        (176, 580), (214, 632), (290, 642), (384, 600), (478, 642), (556, 630),
        (594, 576), (578, 500), (562, 400), (560, 290), (536, 182), (470, 120),
    ]  # fmt: skip
    behind = shape(back)
    canvas.paint(behind, "5b2b1c")
    canvas.paint(blob(384, 520, 120, 120, 30), "33160f", 0.8, behind)
    falls = [
        [(250 + 14 * n, 200 + 20 * n), (226 + 12 * n, 340), (222 + 14 * n, 470), (196 + 20 * n, 620)]
        for n in range(4)
    ]
    for guides in (falls, [mirrored(line) for line in falls]):
        canvas.strands(guides, 160, ["7a3d26", "401d13", "96522f"], chance, behind)
    neck = [
        (322, 440),
        (326, 540),
        (306, 596),
        (240, 634),
        (384, 700),
        (528, 634),
        (462, 596),
        (442, 540),
        (446, 440),
    ]
    throat = shape(neck)
    canvas.paint(throat, skin.base)
    canvas.paint(blob(396, 520, 72, 56, 12), skin.deep, 0.55, throat)
    canvas.paint(blob(450, 580, 30, 70, 16), skin.shade, 0.7, throat)
    for turn in (list, mirrored):
        canvas.paint(stroke(turn([(290, 646), (330, 640), (370, 652)]), 6, 4), skin.shade, 0.6, throat)
    coat = [
        (300, 600), (236, 624), (150, 656), (92, 712), (74, 840), (694, 840), (676, 712),
        (618, 656), (532, 624), (468, 600), (446, 650), (384, 694), (322, 650),
    ]  # fmt: skip
    cloth = shape(coat)
    canvas.paint(shape([(x, y - 6) for x, y in coat], 7), skin.shade, 0.5, throat)
    canvas.paint(cloth, "e9b949")
    canvas.paint(blob(600, 770, 130, 130, 40), "b97f2a", 0.8, cloth)
    canvas.paint(blob(200, 690, 90, 40, 26), "f7d982", 0.7, cloth)
    rim = [(302, 606), (324, 652), (384, 696), (444, 652), (466, 606)]
    canvas.paint(stroke([(x, y + 5) for x, y in rim], 13, 0.8, taper=0.2), "cf9833", 1.0)
    cover = draw_face(canvas, WOMAN)
    front = [
        (410, 122), (330, 112), (252, 158), (222, 260), (224, 380), (214, 470), (228, 520),
        (258, 470), (268, 400), (270, 330), (290, 276), (340, 236), (410, 190),
    ]  # fmt: skip
    other = [
        (390, 126), (452, 114), (520, 160), (548, 260), (546, 380), (556, 470), (542, 520),
        (512, 470), (502, 400), (498, 330), (484, 282), (452, 238), (402, 186),
    ]  # fmt: skip
    fringe = np.maximum(shape(front), shape(other))
    canvas.paint(soft(np.roll(fringe, 10 * FINE, axis=0), 6), skin.shade, 0.75, cover)
    canvas.paint(fringe, "6b3421")
    canvas.paint(blob(300, 190, 60, 26, 16, -40), "b0683c", 0.75, fringe)
    canvas.paint(blob(490, 200, 40, 24, 16, 50), "96522f", 0.55, fringe)
    sweeps = [
        [(408, 130), (330, 130), (256, 220), (236, 360), (226, 510)],
        [(408, 160), (340, 172), (276, 252), (252, 370), (234, 510)],
        [(408, 184), (348, 222), (290, 276), (266, 380), (244, 500)],
    ]
    canvas.strands(sweeps, 200, ["8a4a2b", "45200f", "b57242", "572918"], chance, fringe)
    swept = [
        [(404, 132), (456, 128), (514, 220), (536, 360), (544, 510)],
        [(402, 158), (450, 176), (498, 256), (520, 370), (534, 510)],
        [(402, 184), (446, 230), (486, 284), (506, 380), (526, 500)],
    ]
    canvas.strands(swept, 200, ["8a4a2b", "45200f", "a8643a", "572918"], chance, fringe)
    return canvas.finished()


def draw_man() -> npt.NDArray[np.uint8]:
    """(SIZE, SIZE, 3) RGB: short dark hair and a jacket, laid on in brush strokes."""
    chance = np.random.default_rng(8)
    canvas = Canvas("8d7a62", "4a4038")
    canvas.paint(blob(300, 260, 240, 240, 80), "c9b48e", 0.75)
    canvas.paint(blob(620, 620, 200, 200, 80), "39404a", 0.7)
    skin = MAN.skin
    neck = [
        (306, 450),
        (308, 560),
        (286, 610),
        (220, 650),
        (384, 760),
        (548, 650),
        (482, 610),
        (460, 560),
        (462, 450),
    ]
    throat = shape(neck)
    canvas.paint(throat, skin.base)
    canvas.paint(blob(400, 540, 92, 52, 12), skin.deep, 0.75, throat)
    canvas.paint(blob(460, 600, 40, 80, 18), skin.deep, 0.6, throat)
    shirt = shape(
        [
            (300, 596),
            (250, 640),
            (300, 780),
            (468, 780),
            (518, 640),
            (468, 596),
            (420, 660),
            (384, 690),
            (348, 660),
        ]
    )
    canvas.paint(shirt, "dfe3e2")
    canvas.paint(blob(450, 700, 60, 90, 20), "8f9aa3", 0.8, shirt)
    canvas.paint(stroke([(384, 690), (386, 730), (386, 780)], 4, 1.5, 0), "7d8790", 0.9, shirt)
    for turn in (list, mirrored):
        lapel = [(304, 590), (276, 622), (318, 706), (384, 692), (346, 652)]
        canvas.paint(shape(turn([(x, y + 8) for x, y in lapel]), 5), "59636d", 0.6, shirt)
        canvas.paint(shape(turn(lapel), 0.8), "eef0ee")
        jacket = [(268, 612), (170, 650), (96, 694), (52, 840), (372, 840), (340, 760), (296, 690)]
        wool = shape(turn(jacket))
        canvas.paint(wool, "2f3e55")
        canvas.paint(
            shape(turn([(282, 626), (238, 650), (226, 700), (268, 712), (362, 830), (318, 730)]), 2),
            "405373",
            0.9,
            wool,
        )
        canvas.paint(blob(MIDDLE + 240, 760, 110, 120, 40), "182233", 0.8, wool)
    for turn in (list, mirrored):
        ear = shape(turn([(262, 322), (244, 320), (236, 350), (244, 396), (258, 410), (270, 390)]))
        canvas.paint(ear, skin.base)
        canvas.paint(ear, skin.shade, 0.35)
        canvas.paint(
            stroke(turn([(258, 336), (247, 342), (248, 372), (256, 392)]), 5, 1.5), skin.deep, 0.6, ear
        )
    cover = draw_face(canvas, MAN)
    jaw = [
        (258, 400),
        (276, 450),
        (330, 440),
        (384, 446),
        (438, 440),
        (492, 450),
        (510, 400),
        (500, 480),
        (440, 548),
        (384, 560),
        (328, 548),
        (268, 480),
    ]
    lips = blob(MIDDLE, MAN.mouth + 2, MAN.mouth_wide + 6, 18, 5)
    canvas.paint(shape(jaw, 14) * (1 - lips), "4d3428", 0.42, cover)
    mass = [
        (396, 92), (330, 102), (276, 140), (248, 204), (246, 280), (252, 344), (262, 350), (266, 300),
        (276, 262), (296, 226), (344, 208), (392, 214), (446, 206), (478, 224), (494, 262), (504, 300),
        (508, 350), (516, 344), (522, 280), (520, 204), (502, 146), (458, 106),
    ]  # fmt: skip
    hair = shape(mass, 1.0)
    canvas.paint(soft(np.roll(hair, 8 * FINE, axis=0), 6), skin.shade, 0.7, cover)
    canvas.paint(hair, "1f1815")
    canvas.paint(blob(340, 146, 64, 20, 12, -24), "5c4a40", 0.8, hair)
    combed = [
        [(256, 340), (256, 260), (264, 200), (290, 140)],
        [(278, 250), (268, 206), (286, 150), (350, 108)],
        [(330, 208), (310, 172), (340, 128), (420, 98)],
        [(400, 214), (388, 166), (410, 124), (470, 114)],
        [(470, 220), (456, 170), (470, 136), (498, 146)],
        [(512, 340), (514, 260), (510, 204), (500, 150)],
    ]
    canvas.strands(combed, 420, ["3d302a", "0f0b0a", "6f5c50", "2a1f1a"], chance, hair, thick=2.0)
    return brushed(canvas.finished(), chance)


def brushed(picture: npt.NDArray[np.uint8], chance: np.random.Generator) -> npt.NDArray[np.uint8]:
    """The picture laid on again in strokes that follow its forms, broad ones first, fine ones at the face."""
    wide = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    grey = cv2.GaussianBlur(wide.mean(axis=2), (0, 0), 2)
    right, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    even, odd = (cv2.GaussianBlur(part, (0, 0), 7) for part in (right**2 - down**2, 2 * right * down))
    angle = np.arctan2(odd, even) / 2 + np.pi / 2  # along edges, not across
    detail = cv2.GaussianBlur(np.hypot(right, down), (0, 0), 5)
    painted = cv2.GaussianBlur(wide, (0, 0), 9)
    for thick, length, count, least in BRUSHES:
        source = cv2.GaussianBlur(wide, (0, 0), thick / 6)
        for x, y in chance.integers(0, SIDE, (count, 2)):
            if detail[y, x] < least:
                continue
            turn = angle[y, x] + chance.normal(0, 0.12)
            reach = np.array([np.cos(turn), np.sin(turn)]) * length / 2 * chance.uniform(0.6, 1.2)
            tint = source[y, x] * (1 + chance.normal(0, 0.02))
            start, end = (tuple(np.round((x, y) + side * reach).astype(int).tolist()) for side in (-1, 1))
            cv2.line(painted, start, end, tint.tolist(), thick, cv2.LINE_AA)
    kept = np.clip(cv2.GaussianBlur(detail, (0, 0), 6) / 40, 0.1, 0.85)[..., None]
    mixed = painted * (1 - kept) + wide * kept
    small = cv2.resize(mixed, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return np.asarray(np.clip(small + 0.5, 0, 255), np.uint8)


def main(folder: Path) -> None:
    for name, draw in (("drawn_woman.jpg", draw_woman), ("drawn_man.jpg", draw_man)):
        path = folder / name
        cv2.imwrite(str(path), draw()[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="draws the two illustrated portraits among the examples")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("examples"))
    main(parser.parse_args().folder)
