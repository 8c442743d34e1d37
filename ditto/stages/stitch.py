"""Stage 5: generated motion put on the portrait's own, controlled, and fitted to its shoulders."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic

import numpy as np

from cfg.errors import ConfigError
from cfg.frame_rates import Rate
from cfg.settings import StitchSettings
from ditto.arrays import Floats
from ditto.motion.controls import Controls, ControlTrack, Frames, number, parts_named, row
from ditto.motion.face_movements import NO_MOVEMENTS, FaceRows
from ditto.motion.frame_order import blink_schedule
from ditto.motion.mixing import (
    EYE_MASK,
    LIP_MASK,
    OURS,
    Mixing,
    control,
    fade,
    fade_expression,
    mix_difference,
)
from ditto.motion.pose import Placement, hold_gaze, keypoints, placement
from ditto.motion.vector import MOVING, MotionParts, SourceMotion, from_vector
from ditto.packs.base import Stitcher
from ditto.rates import FRAME_RATE
from ditto.source.avatar import Avatar, Made, SourceFrame
from ditto.stages.messages import Motion, Pose

PORTRAIT_PARTS = ("exp", "pitch", "yaw", "roll", "t")
VIDEO_PARTS = ("exp",)
SCALED_BY_CHARACTER = ("exp", "pitch", "yaw", "roll")
BLINK_PERIOD = 3000  # frames a blink schedule repeats after where the length is unknown: 2 minutes

Zero = Floats | Callable[[], Floats | None] | None  # motion that stands for no movement, or what tells it


def driven_factors(use_keys: object, is_image: bool) -> dict[str, float]:
    """Share of each driven part's motion that is taken over; of the usual parts where none are named."""
    if use_keys is None:
        use_keys = PORTRAIT_PARTS if is_image else VIDEO_PARTS
    names = parts_named("stitch.use_keys", use_keys)
    if isinstance(use_keys, Mapping):
        return {name: number(f"stitch.use_keys: {name}", use_keys[name]) for name in names}
    return dict.fromkeys(names, 1.0)


def blink_rows(eye_open: object) -> list[Floats]:
    """Rows of one blink, (1, 63) each; none where the eyes are not given."""
    if eye_open is None:
        return []
    try:
        rows = np.asarray(eye_open, np.float32)
    except (TypeError, ValueError):
        raise ConfigError("stitch.eye_open must be numbers in rows of 63") from None
    if rows.ndim < 2 or not rows.size:
        raise ConfigError(f"stitch.eye_open has shape {rows.shape}, but must be (n, 63), n at least 1")
    return [row(f"stitch.eye_open, row {n}", values, 63) for n, values in enumerate(rows)]


@dataclass(frozen=True, slots=True, eq=False)
class _Rest(Generic[Made]):
    """A frame of the source before anything moves it."""

    frame: SourceFrame[Made]
    motion: SourceMotion  # angles as controls act on them
    keypoints: Floats  # (1, 21, 3)
    placement: Placement


class Stitch(Generic[Made]):
    """Moves the source's keypoints by each frame of motion.

    The anchor of relative motion, the blinks and the fade's target belong to the stream: they
    outlive utterances and interruptions, so that the head does not jump when a new one begins.
    """

    name = "stitch"

    def __init__(
        self,
        source: Avatar[Made],
        stitcher: Stitcher | None,
        settings: StitchSettings | None = None,
        controls: ControlTrack | Frames = None,
        *,
        d0: Zero = None,
        face: FaceRows = NO_MOVEMENTS,
        length: int = -1,
        first: int = 0,
        rng: random.Random | None = None,
        fps: Rate = FRAME_RATE,
        character_scale: float | None = None,
        mixing: Mixing = OURS,
        wanted: Callable[[int, int], bool] | None = None,
    ) -> None:
        """`d0`: (265,) motion that stands for no movement, or what tells it when the first frame is
        there; None takes the first frame's. `face`: the pack's numbers for smiles, winks and so on.

        `length` of the stream in frames lets the eyes be open at its end; -1 is unknown. Poses before
        frame `first` of the first turn are worked out and left out. `rng` draws the pauses between
        blinks. A `controls` track of the caller's is used as it is, otherwise one is made with the
        settings' overall controls. At another `fps` the source and the blinks keep their own 25 frames
        a second. `character_scale`: head size of another character whose motion this is. `mixing`: the
        arithmetic, ours or the reference's (docs/controls.md). `wanted` tells whether a frame, by turn
        and index, is still worth painting.
        """
        self._source = source
        self._settings = settings or StitchSettings()
        self._character_scale = character_scale
        self._mixing = mixing
        self._stitcher = stitcher if self._settings.stitching else None
        self._controls = (
            controls if isinstance(controls, ControlTrack) else ControlTrack(controls, self._settings.overall)
        )
        self._face = face
        self._zero = d0 if callable(d0) else lambda: d0
        self._anchor: MotionParts | None = None
        self._factors = driven_factors(self._settings.use_keys, source.is_image)
        fading = self._settings.fade_keys
        self._fading = MOVING if fading is None else parts_named("stitch.fade_keys", fading)
        drive_eye = self._settings.drive_eye
        self._drives_eyes = source.is_image if drive_eye is None else drive_eye
        blink = blink_rows(self._settings.eye_open)
        self._blink = blink if self._drives_eyes else []
        self._driven_face = LIP_MASK + EYE_MASK if self._drives_eyes and not self._blink else LIP_MASK
        self._fps = fps
        self._rng = rng or random.Random(0)
        self._schedule: list[int] = []
        self._shown = 0  # frames given so far
        self._first: Placement | None = None  # of the first source frame
        self._rest: _Rest[Made] | None = None  # of the source frame last shown
        self._first_driven: SourceMotion | None = None
        self._begin = first
        self._wanted = wanted
        self._length = 0
        self.set_length(length)

    @property
    def controls(self) -> ControlTrack:
        """Controls, which may be changed while the stream runs."""
        return self._controls

    def set_length(self, length: int) -> None:
        """The stream will have so many frames: blinks are drawn anew, none at the end."""
        if length != self._length:
            self._length = length
            period = length if length > 0 else BLINK_PERIOD
            if self._blink:
                self._schedule = blink_schedule(
                    period, len(self._blink), self._settings.blink_interval, self._rng
                )

    def process(self, item: Motion) -> Iterator[Pose[Made]]:
        rest = self._at_rest(item.index)
        controls = self._controls.at(item.index)
        parts = self._driven(rest, from_vector(item.vector), controls)
        driven = keypoints(parts)
        if self._stitcher is not None:
            driven = self._stitcher(rest.keypoints, driven)
        self._shown += 1
        if item.index < self._begin or not (self._wanted is None or self._wanted(item.turn, item.index)):
            return
        yield Pose(
            turn=item.turn,
            index=item.index,
            source=rest.frame,
            at_rest=rest.keypoints,
            driven=driven,
            rest=rest.placement,
            drive=placement(parts),
            blend=controls.blend_alpha,
        )

    def flush(self) -> Iterator[Pose[Made]]:
        """Nothing is owed: every motion gave its pose at once."""
        return iter(())

    def interrupt(self, turn: int) -> None:
        self._begin = 0
        self._controls.restart()

    def _at_rest(self, index: int) -> _Rest[Made]:
        frame = self._source.frame(index * FRAME_RATE // self._fps)
        if self._rest is None or self._rest.frame is not frame:
            parts = self._mixing.controllable(frame.motion)
            self._rest = _Rest(frame, parts, keypoints(parts), placement(parts))
        if self._first is None:
            self._first = self._rest.placement
            self._adopt_character(float(frame.motion.scale.reshape(())))
        return self._rest

    def _adopt_character(self, scale: float) -> None:
        """A larger head's motion is made larger when it is put on a smaller one."""
        if self._character_scale is not None:
            ratio = self._character_scale / scale
            for part in SCALED_BY_CHARACTER:
                if part in self._factors:
                    self._factors[part] *= ratio

    def _driven(self, rest: _Rest[Made], motion: MotionParts, controls: Controls) -> SourceMotion:
        parts = self._moved(rest.frame.motion, motion, rest.frame.neutral)
        if not rest.frame.seen:
            return rest.motion
        parts = self._mixing.controllable(parts)
        if controls.vad_alpha is not None and controls.vad_alpha < 1:
            parts = fade_expression(rest.motion, parts, controls.vad_alpha, self._mixing.silenced)
        parts = control(rest.motion, parts, controls, self._face)
        if self._first_driven is None:
            self._first_driven = parts
        fade_type = self._settings.fade_type or ("s" if self._controls.fades else "")
        if controls.fade_alpha is not None and fade_type:
            target = rest.motion if fade_type == "s" else self._first_driven
            named = self._fading if controls.fade_out_keys is None else controls.fade_out_keys
            parts = fade(target, parts, controls.fade_alpha, named)
        if self._drives_eyes:
            first = self._first or rest.placement
            parts = hold_gaze(parts, self._mixing.gaze_rest(first, rest.placement))
        return parts

    def _moved(self, rest: SourceMotion, motion: MotionParts, neutral: Floats | None) -> SourceMotion:
        """The portrait with the motion's share of pose and face, nothing controlled yet.

        With `neutral` the face is driven from there: what the source's own mouth says is gone.
        """
        if self._anchor is None:
            zero = self._zero()
            if zero is not None:
                self._anchor = from_vector(zero)
            elif self._settings.relative:
                self._anchor = motion
        if self._anchor is not None:
            parts = mix_difference(rest, motion, self._anchor, self._factors)
        else:
            parts = self._mixing.absolute(rest, motion, self._factors)
        driven = parts.exp
        if neutral is not None and self._anchor is not None and "exp" in self._factors:
            driven = driven - rest.exp + neutral
        face = driven * self._driven_face + rest.exp * (1 - self._driven_face)
        if self._blink:
            moment = self._shown * FRAME_RATE // self._fps
            face = face + self._blink[self._schedule[moment % len(self._schedule)]] * EYE_MASK
        return dataclasses.replace(parts, exp=face)
