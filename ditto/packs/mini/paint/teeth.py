"""Textures of teeth and a tongue, drawn once and used for every mouth."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from ditto.arrays import Floats
from ditto.smoothstep import ramp

TEXELS_PER_MM = 6  # per millimetre of the teeth
CORNER_ROUNDING = 1.5  # of the millimetres by which the corners of a tooth are rounded
TOOTH_GAP_MM = 0.40  # millimetres of the shadow between two teeth
UPPER_WIDTHS = (8.5, 6.6, 7.6, 7.0, 6.6, 9.5)  # millimetres along the arch from the middle
LOWER_WIDTHS = (5.3, 5.7, 6.6, 7.0, 7.0, 10.0)


@lru_cache(maxsize=16)
def mouth_parts(size: float) -> tuple[Floats, Floats, Floats]:
    """The same seen by pixels of so many millimetres: what is finer is averaged, not skipped."""
    sigma = size * TEXELS_PER_MM / 2
    if sigma < 0.5:
        return drawn_parts()
    upper, lower, tongue = (
        np.ascontiguousarray(cv2.GaussianBlur(part, (0, 0), sigma), np.float32) for part in drawn_parts()
    )
    return upper, lower, tongue


@lru_cache(maxsize=1)
def drawn_parts() -> tuple[Floats, Floats, Floats]:
    """Upper and lower teeth (h, w, 3): cover, shade, gum; tongue (h, w, 2): cover, shade. 60 x 30 mm."""
    fine = 2  # drawn larger, then averaged: no stairs
    columns, rows = 60 * TEXELS_PER_MM * fine, 30 * TEXELS_PER_MM * fine
    x, y = np.meshgrid(
        (np.arange(columns) + 0.5) / columns * 60 - 30, (np.arange(rows) + 0.5) / rows * 30 - 15
    )

    def shrink(*planes: npt.NDArray[np.floating]) -> Floats:
        size = (60 * TEXELS_PER_MM, 30 * TEXELS_PER_MM)
        smaller = [cv2.resize(p.astype(np.float32), size, interpolation=cv2.INTER_AREA) for p in planes]
        return np.ascontiguousarray(np.dstack(smaller), np.float32)

    upper = teeth(x, y, arch(UPPER_WIDTHS), (10, 8.8, 9.5, 8.2, 7.6, 7), (0, 0.7, 0.2, 0.9, 1.3, 1.8))
    lower = teeth(x, -y, arch(LOWER_WIDTHS) * 0.93, (8.5, 8.7, 9.5, 8, 7.5, 7), (0.2, 0.25, 0, 0.8, 1.3, 1.8))
    body = np.exp(-((x / 17) ** 4)) * ramp((y + 8.5 - 3.0 * (1 - (x / 17) ** 2)).astype(np.float32), 0, 6.5)
    groove = 1 - 0.16 * np.exp(-((x / 1.2) ** 2)) * ramp(y.astype(np.float32), -6, 4)
    light = 0.86 + 0.16 * np.exp(-(((y - 1) / 6) ** 2)) * np.exp(-((x / 12) ** 2))
    return shrink(*upper), shrink(*lower), shrink(np.clip(body, 0, 1), groove * light)


def arch(widths: tuple[float, ...]) -> npt.NDArray[np.float64]:
    """Borders between teeth as seen from the front, millimetres from the middle."""
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
    middles = (borders[1:] + borders[:-1]) / 2
    length, edge = (np.interp(side, middles, each) for each in (lengths, edges))  # one line, without steps
    rounded = edge + CORNER_ROUNDING * np.clip(np.abs(share - 0.5) * 2 - 0.55, 0, 1) ** 2
    inside = -(y + rounded)
    cover = np.clip(inside / 0.45 + 0.5, 0, 1) * np.clip((length - inside) / 0.8 + 0.5, 0, 1)
    shade = 1 - 0.10 * np.exp(-((np.minimum(share, 1 - share) * (far - near) / TOOTH_GAP_MM) ** 2))
    shade *= 1 - 0.10 * np.clip(inside / length, 0, 1) + 0.03 * np.exp(-(((inside - 1) / 1.2) ** 2))
    shade *= 1 - 0.55 * ramp(side.astype(np.float32), 8, 25)
    gum = np.clip((inside - length) / 0.8 + 0.5, 0, 1)
    return np.maximum(cover, gum), shade, gum
