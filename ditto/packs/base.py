"""A pack: the set of networks behind the nine stages, as small roles.

The networks of a pack are shared by all sessions; everything with a memory (an analyser, a
speech stream, a sampler) is made anew for each session by the methods below.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ditto.arrays import Floats, Image
from ditto.source.avatar import SourceFrame
from ditto.stages.messages import Pose


class Analyser(Protocol):
    """Finds and measures the face in the frames of one source, in order."""

    def analyse(self, image: Image, index: int) -> SourceFrame:
        """A portrait. Raises NoFaceError with the reason where no usable face is found."""

    def track(self, image: Image, index: int) -> tuple[Floats, bool]:
        """Landmarks in a video's next frame, and whether they were followed there from the last one.

        Raises NoFaceError where no face is found; the next frame may have one again.
        """

    def measure(self, image: Image, index: int, landmarks: Floats) -> SourceFrame:
        """A video's frame whose landmarks are known."""

    def revisit(self, image: Image, known: SourceFrame) -> SourceFrame:
        """A frame measured before, made ready to paint again: its appearance anew, no tracking."""

    def forget(self) -> None:
        """What comes next is another scene: nothing is followed into it."""


class SpeechStream(Protocol):
    """Turns a voice that arrives in pieces into feature rows, 25 a second."""

    width: int  # numbers in a row
    lookahead: int  # samples after a frame's end that must be there before its row comes out

    def push(self, samples: Floats) -> Floats:
        """(n, width) rows that are complete now; n may be 0."""

    def flush(self) -> Floats:
        """The remaining rows: exactly ceil(samples / 640) in all since the last flush."""

    def reset(self) -> None: ...


class Sampler(Protocol):
    """Makes motion for one window of conditions."""

    window: int  # frames, 80

    def sample(self, previous: Floats, conditions: Floats, rng: np.random.Generator) -> Floats:
        """(265,) the motion just before the window, (80, C) conditions -> (80, 265)."""


@runtime_checkable
class EndingSampler(Sampler, Protocol):
    """A sampler that ends an utterance in another way than it would go on."""

    def ended(self, frames: Floats, count: int) -> Floats:
        """The last (n, 265) of an utterance's `count` frames, those that nobody has seen yet."""


class Stitcher(Protocol):
    def __call__(self, at_rest: Floats, driven: Floats) -> Floats:
        """(1, 21, 3) twice -> driven keypoints that fit the still shoulders."""


class Warper(Protocol):
    def __call__(self, pose: Pose) -> Any: ...


class BatchWarper(Warper, Protocol):
    def many(self, poses: Sequence[Pose], size: int) -> list[Any]:
        """What each pose gives alone, from one call; at most `size` of them."""


class Decoder(Protocol):
    def __call__(self, pose: Pose, warped: Any) -> Any: ...


class BatchDecoder(Decoder, Protocol):
    def many(self, warped: Sequence[Any], size: int) -> list[Any]:
        """What each would give alone, from one call; at most `size` of them."""


class Compositor(Protocol):
    def __call__(self, pose: Pose, face: Any) -> Image:
        """The finished frame, a new array of the size of `pose.source.image`."""
