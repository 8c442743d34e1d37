"""Opening of the eyes and direction of the gaze, from the 478 landmarks of the face mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ditto.arrays import Floats


@dataclass(frozen=True, slots=True)
class Eye:
    """Landmark numbers of one eye."""

    outer: int
    inner: int
    lids: tuple[tuple[int, int], ...]  # pairs of lower and upper lid
    ball: int


LEFT = Eye(33, 133, ((145, 159), (144, 160), (153, 158)), 468)
RIGHT = Eye(263, 362, ((374, 386), (373, 387), (380, 385)), 473)
EPSILON = np.float32(1e-8)  # keeps a collapsed eye from dividing by zero


def openness(landmarks: Floats) -> Floats:
    """(n, 478, d) -> (n, 2), left and right: the three lid distances over the eye's width."""
    return np.stack([_openness(landmarks, eye) for eye in (LEFT, RIGHT)], axis=-1)


def gaze(landmarks: Floats) -> Floats:
    """(n, 478, d) -> (n, d, 2), left and right: the iris moved, beyond the eye's own direction."""
    return np.stack([_gaze(landmarks, eye) for eye in (LEFT, RIGHT)], axis=-1)


def offset(landmarks: Floats) -> Floats:
    """(n, 478, d) -> (n, d, 2), left and right: the iris from the eye's middle, in eye widths."""
    return np.stack([_offset(landmarks, eye) for eye in (LEFT, RIGHT)], axis=-1)


def _openness(landmarks: Floats, eye: Eye) -> Floats:
    gaps = [_length(landmarks[:, low] - landmarks[:, high]) for low, high in eye.lids]
    return np.asarray((gaps[0] + gaps[1] + gaps[2]) / (_width(landmarks, eye) + EPSILON), np.float32)


def _gaze(landmarks: Floats, eye: Eye) -> Floats:
    moved = landmarks[:, eye.ball] - _middle(landmarks, eye)
    along = landmarks[:, eye.outer] - landmarks[:, eye.inner]
    return (_direction(moved) - _direction(along)) * _length(moved)[:, None]


def _offset(landmarks: Floats, eye: Eye) -> Floats:
    moved = landmarks[:, eye.ball] - _middle(landmarks, eye)
    return np.asarray(moved / (_width(landmarks, eye)[:, None] + EPSILON), np.float32)


def _middle(landmarks: Floats, eye: Eye) -> Floats:
    return np.asarray((landmarks[:, eye.outer] + landmarks[:, eye.inner]) / 2, np.float32)


def _width(landmarks: Floats, eye: Eye) -> Floats:
    return _length(landmarks[:, eye.outer] - landmarks[:, eye.inner])


def _direction(vectors: Floats) -> Floats:
    return np.asarray(vectors / (_length(vectors)[:, None] + EPSILON), np.float32)


def _length(vectors: Floats) -> Floats:
    return np.asarray(np.sqrt((vectors**2).sum(axis=-1)), np.float32)
