"""The motion vector and its named parts.

A vector is scale - 1, pitch, yaw and roll in 66 bins each, translation and expression: 265
numbers, followed by the 63 of the canonical keypoints where an identity travels along.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from ditto.arrays import Floats

Parts = Mapping[str, Floats]  # scale (1, 1), pitch yaw roll (1, 66) or degrees (1,), t (1, 3), exp kp (1, 63)

ANGLES = ("pitch", "yaw", "roll")
WIDTHS = {"scale": 1, "pitch": 66, "yaw": 66, "roll": 66, "t": 3, "exp": 63, "kp": 63}
MOVING = ("scale", "pitch", "yaw", "roll", "t", "exp")  # all but the identity
LIP_KEYPOINTS = (6, 12, 14, 17, 19, 20)  # of the 21
EYE_KEYPOINTS = (11, 13, 15, 16, 18)
LENGTH = sum(WIDTHS[part] for part in MOVING)  # 265


def _layout() -> dict[str, slice]:
    places, start = {}, 0
    for part, width in WIDTHS.items():
        places[part] = slice(start, start + width)
        start += width
    return places


PLACES: Mapping[str, slice] = _layout()


def to_vector(parts: Parts, without: Collection[str] = ()) -> Floats:
    """(265,), or (328,) where the parts include `kp`; what is in `without` is left out."""
    rows = [np.ravel(parts[part]) for part in WIDTHS if part in parts and part not in without]
    vector = np.concatenate(rows).astype(np.float32)
    if "scale" in parts and "scale" not in without:
        vector[0] -= 1
    return vector


def from_vector(vector: Floats) -> dict[str, Floats]:
    """Named parts, (1, n) each, of a vector of 265 or 328; new arrays."""
    row = np.array(vector, np.float32)[None]
    row[:, 0] += 1
    return {part: row[:, place] for part, place in PLACES.items() if place.stop <= row.shape[1]}
