"""A portrait or a video as the source frames of a stream, played by any number of them.

A portrait is one frame, measured once. A video is played back and forth, round, or to its end; on
its first pass each frame is tracked and measured, later passes reuse the small measurements (kept
in a temporary file, whatever the video's length) and paint from freshly decoded pictures. Pictures
and feature volumes live only as long as somebody downstream holds them.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from typing import Generic, Protocol

import numpy as np

from cfg.errors import MediaError, NoFaceError
from ditto.arrays import Floats, Image
from ditto.faces.outline import opening
from ditto.motion.vector import WIDTHS, SourceMotion, computed, part, with_parts
from ditto.source.avatar import Analyser, Made, SourceFrame
from ditto.source.measurements import Measurements
from ditto.source.tracking import (
    STEADY_REACH,
    Follower,
    TrackedFace,
    TrackedFrame,
    smoothed_landmarks,
    with_neighbours,
)

SEARCHED_FRAMES = 250  # frames at the start of a video a face is looked for in
MAX_CALM_SEARCHED = 50  # frames at most among which the calmest mouth is looked for
CALM_COUNT = 5  # frames with the calmest mouths that are averaged


class Frames(Protocol):
    """The pictures of a video in source order."""

    @property
    def count(self) -> int: ...

    def frame(self, index: int) -> Image:
        """Raises IndexError past the last one."""

    def close(self) -> None: ...


class StillAvatar(Generic[Made]):
    """A portrait."""

    is_image = True
    length: int | None = None

    def __init__(self, frame: SourceFrame[Made]) -> None:
        self.first = frame

    def play(self) -> Iterator[SourceFrame[Made]]:
        yield self.first

    def close(self) -> None:
        """Nothing is held open."""


class MovingAvatar(Generic[Made]):
    """A video, for as long as somebody plays it."""

    is_image = False

    def __init__(
        self,
        open_frames: Callable[[], Frames],
        new_analyser: Callable[[], Analyser[Made]],
        smoothing: int = 1,
        limit: int | None = None,
        *,
        loop: str = "mirror",
        no_face: str = "pass",
        neutral: int = 0,
        steady: bool = False,
        sharp: Collection[str] = (),
    ) -> None:
        """Motion is averaged over `smoothing` frames but for the parts named `sharp`; `steady` smooths
        the face's place too. `limit` uses only the first so many frames.

        Of the first `neutral` frames the calmest mouths show where driven lips start from, in every
        frame; 0 lets each frame's lips start from where they are.
        """
        self._open_frames = open_frames
        self._new_analyser = new_analyser
        self._reach = smoothing // 2 if smoothing > 1 else 0
        self._limit = limit
        self._loop = loop
        self._no_face = no_face
        self._steady_reach = STEADY_REACH if steady else 0
        self._sharp = frozenset(sharp)
        with closing(open_frames()) as frames:
            self._count = frames.count if limit is None else min(frames.count, limit)
            self.length = self._count if loop == "end" else None
            if not self._count:
                raise MediaError("the source video has no frames")
            self.first = self._acquaint(frames, new_analyser(), neutral)
        self._known = Measurements()

    def play(self) -> Iterator[SourceFrame[Made]]:
        with closing(self._open_frames()) as frames:
            analyser = self._new_analyser()
            shown = 0
            last: tuple[int, SourceFrame[Made]] | None = None
            if not self._known.complete:
                for frame in self._first_pass(frames, analyser):
                    yield frame
                    last = (shown, frame)
                    shown += 1
            while True:
                index = played(self._loop, shown, self._known.count)
                if last is None or last[0] != index:
                    last = (index, self._again(frames, analyser, index))
                yield last[1]
                shown += 1

    def close(self) -> None:
        self._known.close()

    def _acquaint(self, frames: Frames, analyser: Analyser[Made], neutral: int) -> SourceFrame[Made]:
        """The first frame that has a face, with the eyes and the expression of a mouth at rest."""
        follow = Follower(analyser, self._no_face)
        found: list[tuple[int, Floats]] = []  # kept without their pictures
        first: SourceFrame[Made] | None = None
        index, end = 0, min(self._count, SEARCHED_FRAMES)
        step = max(1, neutral // MAX_CALM_SEARCHED)
        while index < end:
            track = follow(frames.frame(index), index)
            if track.landmarks is not None:
                if first is None:
                    first = analyser.measure(track.image, index, track.landmarks)
                    end = min(self._count, index + neutral)
                found.append((index, track.landmarks))
            index += step if found else 1
        if first is None:
            raise NoFaceError(f"no face found in the first {end} frames; a human face must be in sight")
        if not neutral:
            return first
        calm = sorted(
            sorted(found, key=lambda entry: opening(entry[1]))[: max(1, len(found) // 3)][:CALM_COUNT]
        )
        rest = [analyser.measure(frames.frame(at), at, landmarks) for at, landmarks in calm]
        expression = average([frame.motion for frame in rest]).exp
        return dataclasses.replace(
            first,
            motion=dataclasses.replace(first.motion, exp=expression),
            eye_open=np.mean([frame.eye_open for frame in rest], axis=0, dtype=np.float32),
            eye_ball=np.mean([frame.eye_ball for frame in rest], axis=0, dtype=np.float32),
            neutral=expression,
        )

    def _first_pass(self, frames: Frames, analyser: Analyser[Made]) -> Iterator[SourceFrame[Made]]:
        """Every frame once, its place and motion smoothed with its neighbours on both sides."""
        follow = Follower(analyser, self._no_face)
        pictures = itertools.takewhile(lambda image: image is not None, self._pictures(frames))
        tracks = (follow(image, index) for index, image in enumerate(pictures) if image is not None)
        held: SourceFrame[Made] | None = None  # the last frame with a face
        measured = self._measured(tracks, analyser)
        for index, ((frame, scene), near) in enumerate(with_neighbours(measured, self._reach, _motion_in)):
            if frame.seen:
                smooth = average([motion for motion, where in near if motion is not None and where == scene])
                kept = {name: part(frame.motion, name) for name in self._sharp}
                shown = held = dataclasses.replace(frame, motion=with_parts(smooth, kept))
            else:
                shown = frame if held is None or self._no_face != "hold" else held
            self._known.add(index, shown)
            yield shown
        self._known.complete = True

    def _measured(
        self, tracks: Iterator[TrackedFrame], analyser: Analyser[Made]
    ) -> Iterator[tuple[SourceFrame[Made], int]]:
        """Frames and their scenes; one without a face is marked so, its measurements those of the first."""
        for track, near in with_neighbours(tracks, self._steady_reach, TrackedFace.of):
            if track.landmarks is None:
                frame = dataclasses.replace(
                    self.first, index=track.index, image=track.image, appearance=None, seen=False
                )
            else:
                landmarks = smoothed_landmarks(track, near) if self._steady_reach else track.landmarks
                frame = analyser.measure(track.image, track.index, landmarks)
                frame = dataclasses.replace(frame, neutral=self.first.neutral)
            yield frame, track.scene

    def _again(self, frames: Frames, analyser: Analyser[Made], index: int) -> SourceFrame[Made]:
        known = self._known.read(index, self.first)
        image = frames.frame(known.index)
        return analyser.revisit(image, known) if known.seen else dataclasses.replace(known, image=image)

    def _pictures(self, frames: Frames) -> Iterator[Image | None]:
        for index in itertools.count():
            yield self._read(frames, index)

    def _read(self, frames: Frames, index: int) -> Image | None:
        if self._limit is not None and index >= self._limit:
            return None
        try:
            return frames.frame(index)
        except IndexError:
            return None


def _motion_in(measured: tuple[SourceFrame[object], int]) -> tuple[SourceMotion | None, int]:
    """A frame's motion and scene, without its picture; no motion where there is no face."""
    frame, scene = measured
    return (frame.motion if frame.seen else None), scene


def played(loop: str, position: int, count: int) -> int:
    """Index of the source frame shown at a position, by what happens at the source's end."""
    if loop == "mirror":
        return bounce(position, count)
    return position % count if loop == "loop" else min(position, count - 1)


def bounce(position: int, count: int) -> int:
    """Index played at a position when going back and forth: 0 … n-1, n-1 … 0, 0 …"""
    round_trip, step = divmod(position, count)
    return step if round_trip % 2 == 0 else count - 1 - step


def average(motions: Sequence[SourceMotion]) -> SourceMotion:
    """The mean of several motions, part by part."""

    def mean(*values: Floats) -> Floats:
        return np.asarray(np.mean(values, axis=0, dtype=np.float32))

    return with_parts(
        motions[0], {name: computed(mean, *(part(motion, name) for motion in motions)) for name in WIDTHS}
    )
