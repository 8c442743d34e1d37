"""Background plate: the picture as it would be without the person."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from ditto.arrays import Floats, Image
from ditto.picture.cutout.plain_background import Wall
from ditto.picture.cutout.sizes import from_edge
from ditto.picture.cutout.texture_fill import pieced
from ditto.smoothstep import ramp

PATTERN = (14.0, 28.0)  # millimetres behind the outline over which a pattern fades: deeper is never seen
FARTHEST = 32.0  # millimetres from which a pattern is continued
GRAIN = 512  # pixels after which the noise repeats
ROUGHEST = 6  # grey levels above which roughness is drawing, not grain


def continued_behind(picture: Image, grown: Floats, wall: Wall, hidden: Image, millimetre: float) -> Floats:
    """(h, w, 3) a plain wall's own colours; where there is a pattern, it goes on behind the outline."""
    plain = grown + (wall.colours - grown) * wall.calm[..., None]
    depth = from_edge(hidden, millimetre)
    share = (1 - ramp(depth, *PATTERN)) * (1 - wall.calm) * hidden
    wanted = (share > 0.02).astype(np.uint8)
    smooth = np.rint(grown).astype(np.uint8)
    pattern = cv2.medianBlur(pieced(picture, smooth, wanted, hidden, FARTHEST * millimetre), 5)
    return np.asarray(plain + (pattern - plain) * share[..., None], np.float32)


def rough_plate(grown: Floats, size: tuple[int, int]) -> Image:
    """(h, w, 3) of (width, height) `size`: the grown colours, as rough as the fourth channel says."""
    colours = np.asarray(cv2.resize(grown[..., :3], size, interpolation=cv2.INTER_LINEAR), np.float32)
    rough = np.asarray(cv2.resize(grown[..., 3], size, interpolation=cv2.INTER_LINEAR), np.float32)
    noise = grain(GRAIN)
    plate = np.empty(colours.shape, np.uint8)
    for y in range(0, size[1], GRAIN):
        for x in range(0, size[0], GRAIN):
            part = (slice(y, y + GRAIN), slice(x, x + GRAIN))
            there = rough[part]
            added = noise[: there.shape[0], : there.shape[1]] * there
            plate[part] = np.rint(np.clip(colours[part] + added[..., None], 0, 255))
    return plate


def roughness(picture: Image) -> Image:
    """(h, w) grey levels by which each pixel stands out from those around it; 0 on edges."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    rough = np.asarray(cv2.absdiff(grey, cv2.GaussianBlur(grey, (0, 0), 1.5)), np.uint8)
    return np.where(rough > ROUGHEST, 0, rough).astype(np.uint8)


@lru_cache(maxsize=2)
def grain(side: int) -> Floats:
    """(side, side) noise of mean size 1, the same every time; neighbouring pixels are a little alike."""
    noise = cv2.GaussianBlur(np.random.default_rng(0).standard_normal((side, side), np.float32), (0, 0), 0.7)
    return np.asarray(noise / max(float(np.abs(noise).mean()), 1e-6), np.float32)
