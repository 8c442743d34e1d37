"""A pack: the set of networks behind the nine stages, as small roles.

Three types run through a pack and mean nothing to anybody else: what it makes of a source
(`Appearance`), of a moved source (`Warped`) and of a painted one (`Face`). The networks are shared
by all sessions; everything with a memory (an analyser, a speech stream, a sampler) is made anew
for each session by the methods of `Pack`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar, cast, runtime_checkable

import numpy as np

from cfg.settings import PackSettings, Settings
from ditto.arrays import Floats, Image
from ditto.motion.face_movements import FaceRows
from ditto.motion.motion_scale import FaceRoles
from ditto.picture.background import Silhouette
from ditto.source.avatar import Analyser, SourceFrame
from ditto.stages.messages import Pose
from model_formats.shared import SharedModels

Appearance = TypeVar("Appearance")
Seen = TypeVar("Seen", contravariant=True)  # an appearance, where it is only looked at
Warped = TypeVar("Warped")
Moved = TypeVar("Moved", covariant=True)  # what a warper gives
Taken = TypeVar("Taken", contravariant=True)  # what a decoder or a compositor takes
Face = TypeVar("Face")
Painted = TypeVar("Painted", covariant=True)  # what a decoder gives


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
    """Bends driven keypoints so that the shoulders stay where they are."""

    def __call__(self, at_rest: Floats, driven: Floats, /) -> Floats:
        """(1, 21, 3) twice -> (1, 21, 3)."""


class Warper(Protocol[Seen, Moved]):
    """Moves what was made of the source to where a pose has it."""

    def __call__(self, pose: Pose[Seen], /) -> Moved: ...


class BatchWarper(Warper[Seen, Moved], Protocol[Seen, Moved]):
    """A warper that moves several poses in one call."""

    def many(self, poses: Sequence[Pose[Seen]]) -> Sequence[Moved]:
        """Results of several poses, each as it would be alone; at most as many as the pack's `batch`."""


class Decoder(Protocol[Seen, Taken, Painted]):
    """Paints a moved source."""

    def __call__(self, pose: Pose[Seen], warped: Taken, /) -> Painted: ...


class BatchDecoder(Decoder[Seen, Taken, Painted], Protocol[Seen, Taken, Painted]):
    """A decoder that paints several frames in one call."""

    def many(self, warped: Sequence[Taken]) -> Sequence[Painted]:
        """Results of several, each as it would be alone; at most as many as the pack's `batch`."""


class Compositor(Protocol[Seen, Taken]):
    """Puts a painted face back into its picture."""

    def __call__(self, pose: Pose[Seen], face: Taken, /) -> Image:
        """The finished frame, a new array of the size of `pose.source.image`."""


def as_painted(pose: Pose[object], face: Image) -> Image:
    """The compositor of a pack whose decoder paints whole frames, each a new array."""
    return face


@dataclass(frozen=True, kw_only=True)
class PackTraits:
    """Traits of a pack, known before it is opened."""

    name: str
    configuration: str = ""  # file of cfg/packs that names its model files; '' needs none
    has_files: bool = False  # whether its model files lie in a folder of the user's, `pack.root`
    devices: tuple[str, ...] = ("cpu",)  # kinds it runs on
    precisions: tuple[str, ...] = ("fp32",)  # it computes in, where the format of its files leaves a choice
    conditions: frozenset[str] = frozenset()  # what its motion model is told beside the voice: use_emo, …
    crops_face: bool = False  # whether a square around the face is painted, which crop settings shape
    unused: frozenset[str] = frozenset()  # settings that change nothing, such as 'motion.steps'
    cores: int = 0  # that one render keeps busy; 0 is all of them


class Pack(Protocol[Appearance, Warped, Face]):
    """An opened pack: shared networks, and makers of what belongs to one session."""

    traits: PackTraits
    online_overlap: int  # frames windows share when the voice is still arriving
    online_delay: int  # frames held back online so that one window fades into the next
    smoothing: int | None  # frames head motion is averaged over; None leaves it to the mode
    batch: int  # frames painted in one call where the whole voice is known; above 1 needs batch roles
    face: FaceRows  # what stands for smiles, winks and so on in its expression
    models: SharedModels  # networks opened beside its own, such as an enhancer's, and closed with them

    def analyser(self, settings: Settings) -> Analyser[Appearance]: ...

    def speech(self, settings: Settings) -> SpeechStream: ...

    def sampler(self, settings: Settings, source: SourceFrame[Appearance], overlap: int) -> Sampler: ...

    def rest(self, source: SourceFrame[Appearance]) -> Floats | None:
        """(265,) motion that means no movement; None takes that of a stream's first frame."""

    def roles(self, source: SourceFrame[Appearance]) -> FaceRoles:
        """Roles of the expression's numbers: which may be enlarged, and which show who somebody is."""

    def stitcher(self) -> Stitcher | None: ...

    def warper(self) -> Warper[Appearance, Warped]: ...

    def decoder(self) -> Decoder[Appearance, Warped, Face]: ...

    def compositor(self, settings: Settings) -> Compositor[Appearance, Face]: ...

    def silhouette(self) -> Silhouette[Appearance]:
        """Cuts the person out of the pictures of one session."""

    def model_files(self) -> list[Path]:
        """The files that measurements of a portrait depend on; none where they are not worth keeping."""

    def close(self) -> None: ...


AnyPack = Pack[object, object, object]  # one whose types are its own business


def erased(pack: Pack[Appearance, Warped, Face]) -> AnyPack:
    """The same pack, its own types forgotten: nobody outside has a use for them."""
    return cast(AnyPack, pack)


def nothing() -> None:
    """For plug-ins that ask for nothing."""


@dataclass(frozen=True, kw_only=True)
class PackPlugin:
    """A pack that is not opened yet; what an entry point of the group `ditto.packs` names."""

    traits: PackTraits
    open: Callable[[PackSettings], AnyPack]
    prepare: Callable[[], None] = nothing  # has ready what a first frame would wait for, beside `open`
    verify: Callable[[], None] = nothing  # raises ModelError where its own files are damaged
