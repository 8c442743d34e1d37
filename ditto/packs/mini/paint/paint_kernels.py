"""The inside of a mouth and an eyeball, painted pixel by pixel."""

from __future__ import annotations

import numpy as np

from ditto.arrays import Floats, Image
from ditto.kernels import In, Kernel, Out

_PLACE = (Out(np.uint8), int, int, int, In(np.float32), In(np.float32), int, int)
_FLOATS = In(np.float32)
_paint_mouth = Kernel(
    "paint_mouth", *_PLACE, *6 * [_FLOATS], int, int, float, float, float, In(np.uint8), _FLOATS
)
_paint_ball = Kernel("paint_ball", *_PLACE, In(np.uint8), int, int, *5 * [_FLOATS], float, float)


def paint_mouth(
    out: Image,
    cover: Floats,
    lit: Floats,
    corner: tuple[int, int],
    seam: Floats,
    to_mm: Floats,
    colours: Floats,
    parts: tuple[Floats, Floats, Floats],
    jaw: float,
    gap: float,
    edge: float,
    own: Image,
    own_cover: Floats,
) -> None:
    """Paints the inside of a mouth over the picture `out`; `corner` is x, y of the first pixel.

    `cover` and `lit` (h, w) 0..1: the opening, and how far from its edge light reaches. `to_mm` takes pixels
    from `seam` to the skull's millimetres. `colours` (6, 3): teeth, gums, tongue, shallow and deep cavity,
    lip. `parts`: upper and lower teeth (n, m, 3), cover, shade and gum share, and the tongue (n, m, 2), cover
    and shade; 60 x 30 mm each. `own` (h, w, 3) is the source's mouth, moved, `own_cover` its share.
    """
    upper, lower, tongue = parts
    checked(out, cover, lit, corner)
    assert own.shape == (*cover.shape, 3) and own_cover.shape == cover.shape and colours.shape == (6, 3)
    assert upper.shape == lower.shape == (*tongue.shape[:2], 3) and tongue.shape[2] == 2
    _paint_mouth(
        out, out.shape[1], *corner, cover, lit, *cover.shape, seam, to_mm, colours, upper, lower, tongue,
        *tongue.shape[:2], jaw, gap, edge, own, own_cover,
    )  # fmt: skip


def paint_ball(
    out: Image,
    cover: Floats,
    lit: Floats,
    corner: tuple[int, int],
    texture: Image,
    after: Floats,
    before: Floats,
    back: Floats,
    pupil: Floats,
    gaze: Floats,
    radius: float,
    closing: float,
) -> None:
    """Paints an eyeball over the picture `out`; `corner` is x, y of the first pixel.

    `cover` and `lit` (h, w) 0..1: the opening between the lids, and how much light reaches there. `back`
    takes pixels from `after` to those of `texture` (n, m, 3) from `before`. The iris, `radius` pixels about
    `pupil`, is moved by `gaze`; `closing` 0..1 darkens what a falling lid overshadows.
    """
    checked(out, cover, lit, corner)
    assert texture.shape[2] == 3 and min(texture.shape[:2]) > 1
    _paint_ball(
        out, out.shape[1], *corner, cover, lit, *cover.shape, texture, *texture.shape[:2],
        after, before, back, pupil, gaze, radius, closing,
    )  # fmt: skip


def checked(out: Image, cover: Floats, lit: Floats, corner: tuple[int, int]) -> None:
    """That a patch lies in the picture."""
    (height, width), (x0, y0) = cover.shape, corner
    assert lit.shape == cover.shape and min(corner) >= 0
    assert y0 + height <= out.shape[0] and x0 + width <= out.shape[1] and out.shape[2] == 3
