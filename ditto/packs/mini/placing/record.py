"""Records of one frame: numbers and small arrays that say all of what is to be drawn, and no pixels.

Whatever draws them, on a processor or by shaders, needs beside them only the appearance of the source.
Lines and points are in pixels of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

from ditto.arrays import Floats
from ditto.faces.pose import Doubles
from ditto.packs.mini.curves import Box

MIN_TRAVEL = 0.2  # pixels a head travels before anything behind it is uncovered
MIN_SLIT = 1.2  # grid points that a slit needs to hide what the map shows between two lips or lids


@dataclass(frozen=True, slots=True, eq=False)
class Slit:
    """A soft shadow from one line to another."""

    upper: Floats  # (n, 2)
    lower: Floats  # (n, 2)
    thick: float  # pixels by which it is thicker than what lies between them, but for its ends
    colour: Floats  # (3,)
    amount: float  # 0..1


@dataclass(frozen=True, slots=True, eq=False)
class LayerPlace:
    """Place of a source's eye layer in a moved face."""

    after: Floats  # (2,) middle of the lids where the head alone carries it
    before: Floats  # (2,) the same in pixels of the layer
    back: Floats  # (2, 2) from the moved face's pixels to the source's
    pupil: Floats  # (2,) pixels of the layer


@dataclass(frozen=True, slots=True, eq=False)
class PlacedLid:
    """A lid that has fallen so far that it is painted."""

    box: Box
    below_top: Floats  # (n, 2) contour, the skin of the lid ends at both
    above_rim: Floats  # (n, 2)
    width: float  # of the eye
    fallen: float  # 0..1
    line: Slit  # of its lashes


@dataclass(frozen=True, slots=True, eq=False)
class PlacedEye:
    """An eye that looks or closes."""

    lashes: Slit  # where the lids meet
    box: Box
    contour: Floats  # (n, 2) between the lids
    tall: float  # pixels between the lids
    soft: float  # pixels over which the ball ends at the lids
    share: float  # 0..1 of the ball that is laid over the picture
    place: LayerPlace
    gaze: Floats  # (2,) pixels the iris moves, before the head's turn
    shade: float  # 0..1 of what a falling lid overshadows
    lid: PlacedLid | None


@dataclass(frozen=True, slots=True, eq=False)
class OwnMouth:
    """The mouth that the source itself shows, carried to the moved lips."""

    share: float  # 0..1 of it that is used
    back: Floats  # (2, 2) from the moved face's pixels to the source's
    before: Floats  # (2,) where its middle is in the source
    down: Floats  # (2,) of the face in the source
    drawn_out: tuple[float, float, float] | None  # from where, by which share, to where; None leaves it
    light: Doubles  # (4,) of it that lips let through


@dataclass(frozen=True, slots=True, eq=False)
class PlacedOpening:
    """Opening between the lips, and what is seen in it."""

    box: Box
    contour: Floats  # (n, 2)
    share: float  # 0..1 of it that is laid over the picture
    seam: Floats  # (2,) where the resting lips meet, carried by the head alone
    to_mm: Floats  # (2, 2) from pixels about the seam to the skull's millimetres
    colours: Floats  # (6, 3) teeth, gums, tongue, shallow and deep cavity, lip
    gap: float  # millimetres
    jaw: float  # millimetres the lower teeth fall
    own: OwnMouth | None


@dataclass(frozen=True, slots=True, eq=False)
class PlacedMouth:
    """The seam of the lips, and what is seen between them."""

    seam: Slit
    opening: PlacedOpening | None


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """One frame of a moved portrait."""

    vertices: Floats  # (n, 2) of the mesh of the face, then of the rings around it
    depth: Floats  # (n,)
    origins: Floats  # (n, 2) where in the source's picture each takes its colour
    uncovers: bool  # whether the head has left its place, so that some of the background is seen
    hides: bool  # whether it turns, so that it hides some of itself
    blink: tuple[float, float]  # share of each eye closed; negative is wider open
    eyes: tuple[PlacedEye | None, PlacedEye | None]
    mouth: PlacedMouth
