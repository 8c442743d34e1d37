"""Tracks a face through a video: cuts, frames without a face, and smooth landmarks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from cfg.errors import NoFaceError
from ditto.arrays import Floats, Image

STEADY_REACH = 3  # frames on both sides that a face's place is smoothed over
THUMBNAIL_SIDE = 32  # rows and columns two frames are compared by
MIN_CUT_LEVELS = 30.0  # mean grey levels between two frames above which another scene begins
# after so many frames without a face, every so many are searched: it costs as much as painting a dozen
SEARCH_INTERVALS = ((0, 1), (3, 3), (25, 12))
MAX_REPEAT_LEVELS = 1.0  # mean grey levels below which a frame shows what has just been searched in vain

T = TypeVar("T")
Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True, eq=False)
class TrackedFrame:
    """A frame, and the place of the face in it."""

    index: int
    image: Image
    landmarks: Floats | None  # (n, 2) or (n, 3); None where no face was found
    scene: int  # frames of another scene are not smoothed together with these


class Tracker(Protocol):
    """The part of an analyser that follows a face."""

    def track(self, image: Image, index: int) -> tuple[Floats, bool]: ...

    def forget(self) -> None: ...


class Follower:
    """Tracks of the frames of one video, in order."""

    def __init__(self, analyser: Tracker, no_face: str = "pass") -> None:
        self._analyser = analyser
        self._no_face = no_face
        self._thumb: npt.NDArray[np.int16] | None = None
        self._scene = 0
        self._missing = 0  # frames since the last face
        self._in_vain: npt.NDArray[np.int16] | None = None  # the last frame searched without finding one

    def __call__(self, image: Image, index: int) -> TrackedFrame:
        thumb = thumbnail(image)
        if self._thumb is not None and difference(thumb, self._thumb) > MIN_CUT_LEVELS:
            self._analyser.forget()
            self._scene += 1
            self._missing = 0
        self._thumb = thumb
        landmarks: Floats | None = None
        every = max(step for after, step in SEARCH_INTERVALS if self._missing >= after)
        if self._in_vain is not None and difference(thumb, self._in_vain) < MAX_REPEAT_LEVELS:
            every = SEARCH_INTERVALS[-1][1]
        if self._missing % every == 0:
            try:
                landmarks, followed = self._analyser.track(image, index)
                self._scene += not followed
            except NoFaceError:
                if self._no_face == "fail":
                    raise
                self._in_vain = thumb
        if landmarks is not None:
            self._in_vain = None
        self._missing = 0 if landmarks is not None else self._missing + 1
        return TrackedFrame(index, image, landmarks, self._scene)


def thumbnail(image: Image) -> npt.NDArray[np.int16]:
    """A few pixels of a picture, enough to see that another scene begins."""
    rows, columns = (max(1, length // THUMBNAIL_SIDE) for length in image.shape[:2])
    return image[rows // 2 :: rows, columns // 2 :: columns].astype(np.int16)


def difference(thumb: npt.NDArray[np.int16], other: npt.NDArray[np.int16]) -> float:
    """Mean grey levels between two pictures, seen small."""
    return float(np.abs(thumb - other).mean())


@dataclass(frozen=True, slots=True, eq=False)
class TrackedFace:
    """Place of the face in a frame whose picture is no longer needed."""

    index: int
    landmarks: Floats | None
    scene: int

    @classmethod
    def of(cls, track: TrackedFrame) -> TrackedFace:
        return cls(track.index, track.landmarks, track.scene)


def smoothed_landmarks(track: TrackedFrame, near: Sequence[TrackedFace]) -> Floats:
    """The landmarks of a frame, moved, turned and sized as a whole onto the smooth path they are on.

    Their shape stays: a mouth that opens within two frames is not smoothed.
    """
    assert track.landmarks is not None
    same = [
        (t.index - track.index, np.asarray(t.landmarks[:, :2], np.float64))
        for t in near
        if t.scene == track.scene and t.landmarks is not None
    ]
    flat = np.asarray(track.landmarks[:, :2], np.float64)
    weights = path_weights(tuple(offset for offset, _ in same))
    smooth = np.tensordot(weights, np.stack([points for _, points in same]), 1)
    own, goal = (points[:, 0] + 1j * points[:, 1] for points in (flat, smooth))
    own_middle, goal_middle = own.mean(), goal.mean()
    own = own - own_middle
    turn = np.vdot(own, goal - goal_middle) / max(float(np.vdot(own, own).real), 1e-9)
    placed = turn * own + goal_middle
    result = np.array(track.landmarks, np.float32)
    result[:, 0], result[:, 1] = placed.real, placed.imag
    result[:, 2:] *= abs(turn)
    return result


@lru_cache(maxsize=64)
def path_weights(offsets: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Weights of the frames at `offsets` in the value at 0 of the parabola nearest to all of them."""
    degree = min(2, max(0, len(offsets) - 2))
    powers = np.vander(np.asarray(offsets, np.float64), degree + 1, increasing=True)
    return np.asarray(np.linalg.pinv(powers)[0])


def with_neighbours(
    items: Iterable[T], reach: int, kept: Callable[[T], Kept]
) -> Iterator[tuple[T, list[Kept]]]:
    """Each item with what is `kept` of those up to `reach` before and after it, and of itself."""
    near: deque[Kept] = deque(maxlen=2 * reach + 1)
    waiting: deque[T] = deque()
    for item in items:
        near.append(kept(item))
        waiting.append(item)
        if len(waiting) > reach:
            yield waiting.popleft(), list(near)
    while waiting:
        while len(near) > reach + len(waiting):
            near.popleft()
        yield waiting.popleft(), list(near)
