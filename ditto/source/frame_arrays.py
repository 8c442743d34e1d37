"""Measurements of a source frame as named arrays, for files."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ditto.arrays import Image
from ditto.motion.vector import named_arrays, source_motion
from ditto.source.array_file import AnyArray
from ditto.source.avatar import Made, SourceFrame

MEASURED = ("eye_open", "eye_ball", "to_frame", "landmarks")
MOTION = "motion."
WARNINGS = "warnings"


def frame_arrays(frame: SourceFrame[object]) -> dict[str, AnyArray]:
    """All that is known of a portrait beside its picture and its appearance."""
    arrays: dict[str, AnyArray] = {name: getattr(frame, name) for name in MEASURED}
    arrays |= {MOTION + name: part for name, part in named_arrays(frame.motion).items()}
    arrays[WARNINGS] = np.array(frame.warnings, np.str_)
    return arrays


def frame_of(arrays: Mapping[str, AnyArray], image: Image, appearance: Made) -> SourceFrame[Made]:
    """The portrait again. KeyError names an array that is missing."""
    motion = {name.removeprefix(MOTION): part for name, part in arrays.items() if name.startswith(MOTION)}
    landmarks, eye_open, eye_ball, to_frame = (
        arrays[name] for name in ("landmarks", "eye_open", "eye_ball", "to_frame")
    )
    return SourceFrame(
        index=0,
        image=image,
        motion=source_motion(motion),
        appearance=appearance,
        landmarks=landmarks,
        eye_open=eye_open,
        eye_ball=eye_ball,
        to_frame=to_frame,
        warnings=tuple(str(line) for line in arrays[WARNINGS]),
    )
