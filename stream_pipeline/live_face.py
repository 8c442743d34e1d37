"""An always-on face as transports see it: frames with their sound, events, and what it can be asked to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import Protocol

from ditto.arrays import Floats, Image
from ditto.rates import FRAME_RATE


@dataclass(frozen=True, slots=True, eq=False)
class LiveFrame:
    """40 ms of a live face, handed out when they begin."""

    index: int  # counted from 0 since the face began, without gaps
    turn: int  # raised by each interruption
    image: Image | None  # (H, W, 3) RGB; None where it was not ready in time: the one before stays
    sound: Floats  # (rate / 25,) samples in -1..1, silence where the face does not speak
    utterance: int | None  # that the sound belongs to; None for silence between utterances

    @property
    def time(self) -> Fraction:
        """Seconds since the face began."""
        return Fraction(self.index, FRAME_RATE)


@dataclass(frozen=True, slots=True)
class Started:
    """The first sound of an utterance is heard."""

    utterance: int
    frame: int


@dataclass(frozen=True, slots=True)
class Position:
    """An utterance goes on; told once a second."""

    utterance: int
    seconds: float  # of its sound that have been heard


@dataclass(frozen=True, slots=True)
class Finished:
    """The last sound of an utterance has been heard."""

    utterance: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Interrupted:
    """An utterance was cut off."""

    utterance: int
    seconds: float  # of its sound that were heard before


@dataclass(frozen=True, slots=True)
class Starved:
    """The voice ran dry in mid-utterance; the face waits with its mouth at rest."""

    utterance: int


@dataclass(frozen=True, slots=True)
class Failed:
    """No sound could be made of a text; what was made is spoken."""

    utterance: int
    reason: str


@dataclass(frozen=True, slots=True)
class Listening:
    """The other person began to speak, or ended."""

    speaks: bool
    seconds: float  # of speech, where it ended


@dataclass(frozen=True, slots=True)
class Degraded:
    """Painting fell behind, or caught up: another step of the ladder holds."""

    step: int  # 0 is full quality
    said: str  # what is done at that step


Event = Started | Position | Finished | Interrupted | Starved | Failed | Listening | Degraded


FULL_QUALITY = "every picture"


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """Figures of a live face since it began."""

    frames: int  # handed out
    late: int  # of them without a picture of their own
    compute_ms: float  # median time that a picture takes, from its sound to being ready, of late
    lead_ms: float  # by which work begins before a frame is due
    step: int  # of the ladder
    turns: int
    queued_seconds: float  # of sound that is not heard yet
    quality: str = FULL_QUALITY  # what is done at that step
    processor_seconds: float = 0.0  # that its threads have computed; 0 where the system does not tell


class Reader(Protocol):
    """Frames of a face for one reader."""

    def take(self) -> LiveFrame | None:
        """The next frame if there is one; raises Cancelled when the face is closed, or what went wrong."""

    def close(self) -> None:
        """Frames are wanted no more."""


class LiveFace(Protocol):
    """Every method may be called from any thread; `frames` may be read by several at once."""

    rate: int  # samples a second of `push`, and of the frames' sound
    size: tuple[int, int]  # height and width of the pictures

    def __enter__(self) -> LiveFace: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def push(self, samples: object, timeout: float | None = None) -> int:
        """Sound to speak, at any pace: (n,) floats in -1..1, or 16-bit integers; gives the utterance."""

    def flush(self) -> None:
        """The utterance is over: what was pushed is spoken to its end; the next push begins another."""

    def interrupt(self) -> float:
        """Silence now, what is queued is dropped; seconds of the utterance that were heard."""

    def say(self, text: str) -> int:
        """Speaks text as one utterance; returns at once."""

    def listen(self, samples: object) -> None:
        """Takes what the other person says, at 16 kHz, as it is heard."""

    def gesture(self, name: str, *, strength: float = 1.0) -> None: ...

    def feel(self, emotion: object, *, intensity: float = 1.0) -> None: ...

    def control(self, /, **controls: object) -> None:
        """From the next frame on these hold; None ends one (docs/controls.md)."""

    def frames(self, timeout: float | None = None) -> Iterator[LiveFrame]:
        """Frames from now on, each when it is due, until the face is closed.

        A reader that is slow loses pictures, then sound that is older than two seconds.
        """

    def reader(self, ready: Callable[[], None] | None = None) -> Reader:
        """The same frames for who must not wait: `ready` is called from another thread when there is one."""

    def subscribe(self, tell: Callable[[Event], None]) -> Callable[[], None]:
        """Events from now on, told from a thread of the face; gives what ends the subscription."""

    @property
    def pose(self) -> Floats | None:
        """Numbers from which another face of the same portrait goes on; None where there are none."""

    @property
    def figures(self) -> LiveFigures: ...
