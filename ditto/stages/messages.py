"""Everything that passes between two stages, one small frozen class each.

A receiver may keep a message but not write into its arrays. `turn` is raised by every
interruption; `index` counts motion or output frames from 0 within a turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from ditto.arrays import Floats, Image
from ditto.motion.pose import Placement
from ditto.source.avatar import SourceFrame

Look = TypeVar("Look", covariant=True)  # what a pack makes of a source,
Layers = TypeVar("Layers", covariant=True)  # of a moved source,
Paint = TypeVar("Paint", covariant=True)  # and of a painted one


@dataclass(frozen=True, slots=True, eq=False)
class AudioChunk:
    """A piece of the voice, of any length."""

    turn: int
    start: int  # first sample, counted from 0
    samples: Floats  # (n,) mono, 16 kHz, -1..1
    pauses: bool = False  # nothing is known to follow: all its frames are due now, as if silence followed

    def __str__(self) -> str:
        return f"sample {self.start}"


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Rows of the speech encoder, 25 a second."""

    turn: int
    index: int  # frame of the first row
    rows: Floats  # (n, C)

    def __str__(self) -> str:
        return f"frame {self.index}"


@dataclass(frozen=True, slots=True, eq=False)
class Conditions:
    """Features joined with emotion, eyes and identity: what the motion model is told."""

    turn: int
    index: int
    rows: Floats  # (n, C)

    def __str__(self) -> str:
        return f"frame {self.index}"


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """One frame's generated motion, before any control or stitching."""

    turn: int
    index: int
    vector: Floats  # (265,)

    def __str__(self) -> str:
        return f"frame {self.index}"


@dataclass(frozen=True, slots=True, eq=False)
class Pose(Generic[Look]):
    """Place of the face in one output frame, and where the voice moves it."""

    turn: int
    index: int
    source: SourceFrame[Look]  # the portrait frame it is painted on
    at_rest: Floats  # (1, 21, 3) keypoints of the portrait
    driven: Floats  # (1, 21, 3) keypoints after motion, controls and stitching
    rest: Placement  # the portrait's head and expression
    drive: Placement  # the driven ones, after every control
    blend: float | None = None  # share of the painted face, 0..1; None is the stream's own

    def __str__(self) -> str:
        return f"frame {self.index}"


@dataclass(frozen=True, slots=True, eq=False)
class Warped(Generic[Look, Layers]):
    """The portrait's layers moved; `payload` is the pack's own (a feature volume, a pixel map)."""

    turn: int
    index: int
    pose: Pose[Look]
    payload: Layers | None  # None where the source shows no face

    def __str__(self) -> str:
        return f"frame {self.index}"


@dataclass(frozen=True, slots=True, eq=False)
class Face(Generic[Look, Paint]):
    """A painted face, not yet in its picture; `payload` is the pack's own."""

    turn: int
    index: int
    pose: Pose[Look]
    payload: Paint | None  # None where the source shows no face

    def __str__(self) -> str:
        return f"frame {self.index}"


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A finished frame of the video."""

    turn: int
    index: int
    image: Image  # (H, W, 3) RGB; before a transparent background (H, W, 4), 255 where the person is

    def __str__(self) -> str:
        return f"frame {self.index}"


@dataclass(frozen=True, slots=True)
class EndOfSpeech:
    """The utterance is over: give what is still owed; another may follow in the same turn."""

    turn: int

    def __str__(self) -> str:
        return "the end of the speech"


Message = (
    AudioChunk
    | Features
    | Conditions
    | Motion
    | Pose[object]
    | Warped[object, object]
    | Face[object, object]
    | Picture
    | EndOfSpeech
)
